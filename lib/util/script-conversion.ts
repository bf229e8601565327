type Opencc = typeof import('opencc-js', { with: { 'resolution-mode': 'import' }});

/** Converts text between simplified and traditional script. opencc-js is loaded on first use: it costs start-up time. */
export function scriptConverter(direction: 'to-simplified' | 'to-traditional'): (text: string) => string {
  if (direction === 'to-simplified') {
    return (require('opencc-js/t2cn') as Opencc).Converter({ from: 't', to: 'cn' });
  }
  return (require('opencc-js/cn2t') as Opencc).Converter({ from: 'cn', to: 't' });
}
