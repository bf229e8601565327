import type { ThemeTable } from '../data/theme';
import type * as node from '../data/theme-table';
import { TangshiError } from '../util/errors';
import { loadPart } from './load-part';

let table: ThemeTable | undefined;

/** Loads the table of themes, 14 KB. */
export async function loadThemes(): Promise<void> {
  table ??= (await loadPart(() => import('../data/themes.json'))).default;
}

export const themeTable: typeof node.themeTable = () => {
  if (table) return table;
  throw new TangshiError('ERR_TANGSHI_INVALID_ARG', 'The table of themes is not loaded');
};
