import type { ThemeTable } from './theme';

import table = require('./themes.json');

/** The table of themes. */
export function themeTable(): ThemeTable {
  return table;
}
