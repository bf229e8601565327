type Opencc = typeof import('opencc-js', { with: { 'resolution-mode': 'import' }});

/** Converts between simplified and traditional characters. Loads opencc-js on first use, to keep start-up fast. */
export function scriptConverter(direction: 'to-simplified' | 'to-traditional'): (text: string) => string {
  if (direction === 'to-simplified') {
    return (require('opencc-js/t2cn') as Opencc).Converter({ from: 't', to: 'cn' });
  }
  return (require('opencc-js/cn2t') as Opencc).Converter({ from: 'cn', to: 't' });
}
