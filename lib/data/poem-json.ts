import { contentNames } from './content-names';
import { joinRows } from './poem-rows';

/**
 * The poems of a JSON value, in order: for each object, the property named `paragraphs`, `content` or the like; for an
 * array of strings, each string. `undefined` stands for a poem that is not text. Uses an explicit stack, so any nesting
 * depth is supported.
 */
export function* poemsInJson(root: unknown): Generator<string | undefined> {
  const stack: unknown[] = isTexts(root) ? [...root].reverse().map((text) => ({ text })) : [root];
  while (stack.length > 0) {
    const value = stack.pop();
    if (typeof value !== 'object' || value === null) continue;
    const content = Array.isArray(value) ? undefined : contentOf(value);
    if (content !== undefined) {
      yield textOf(content);
      continue;
    }
    const children = Object.values(value);
    for (let index = children.length - 1; index >= 0; index--) stack.push(children[index]);
  }
}

/** The poem of an object: the first property with such a name that is text, or `paragraphs` of any type. */
function contentOf(object: object): unknown {
  // A text beside other objects is about the poems in them.
  if (!('paragraphs' in object) && Object.values(object).some(isArrayOfObjects)) return undefined;
  for (const name of contentNames(Object.keys(object))) {
    const content = object[name as keyof typeof object] as unknown;
    if (name === 'paragraphs' || typeof content === 'string' || isTexts(content)) return content;
  }
  return undefined;
}

/** Rows, or one text whose lines are separated by | or line ends. */
function textOf(content: unknown): string | undefined {
  if (typeof content === 'string') return joinRows(content.split(/[|\r\n]+/).filter((row) => row !== ''));
  return isStrings(content) ? joinRows(content) : undefined;
}

function isArrayOfObjects(value: unknown): boolean {
  return Array.isArray(value) && value.some((item) => typeof item === 'object' && item !== null);
}

function isTexts(value: unknown): value is string[] {
  return isStrings(value) && value.length > 0;
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
