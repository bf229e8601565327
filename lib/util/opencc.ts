type Opencc = typeof import('opencc-js', { with: { 'resolution-mode': 'import' }});

export type Direction = 'to-simplified' | 'to-traditional';
export type Converter = (text: string) => string;

/** Loads a converter of opencc-js. Throws if the package is missing. */
export function openccConverter(direction: Direction): Converter {
  if (direction === 'to-simplified')
    return (require('opencc-js/t2cn') as Opencc).Converter({ from: 't', to: 'cn' });
  return (require('opencc-js/cn2t') as Opencc).Converter({ from: 'cn', to: 't' });
}
