let quiet = false;

/** Suppresses `note` from now on. */
export function beQuiet(): void {
  quiet = true;
}

/** Whether `note` is suppressed. */
export function isQuiet(): boolean {
  return quiet;
}

/** Writes a message for people to stderr: stdout has the results alone. */
export function note(text: string): void {
  if (!quiet) process.stderr.write(`${text}\n`);
}
