type Opencc = typeof import('opencc-js', { with: { 'resolution-mode': 'import' }});

type Direction = 'to-simplified' | 'to-traditional';
type Converter = (text: string) => string;

const converters: Partial<Record<Direction, Converter>> = {};

/** Converts between simplified and traditional characters. Loads opencc-js on first use, to keep start-up fast. */
export function scriptConverter(direction: Direction): Converter {
  converters[direction] ??= load(direction);
  return converters[direction];
}

function load(direction: Direction): Converter {
  if (direction === 'to-simplified') {
    return (require('opencc-js/t2cn') as Opencc).Converter({ from: 't', to: 'cn' });
  }
  return (require('opencc-js/cn2t') as Opencc).Converter({ from: 'cn', to: 't' });
}
