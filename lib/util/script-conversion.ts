import { type Converter, type Direction, openccConverter } from './opencc';

const converters: Partial<Record<Direction, Converter>> = {};

/** Converts between simplified and traditional characters. Loads opencc-js on first use, to keep start-up fast. */
export function scriptConverter(direction: Direction): Converter {
  converters[direction] ??= openccConverter(direction);
  return converters[direction];
}
