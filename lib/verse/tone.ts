/** A class of tones in verse: level (平), or oblique (仄: rising, departing and entering tones). */
export type Tone = 'level' | 'oblique';

/** The tone as poets write it. */
export function toneSign(tone: Tone): '平' | '仄' {
  return tone === 'level' ? '平' : '仄';
}

/** The other class. */
export function opposite(tone: Tone): Tone {
  return tone === 'level' ? 'oblique' : 'level';
}
