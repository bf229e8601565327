import { Option } from 'commander';
import { CORPUS_FORMATS } from '../../lib/data/corpus-format';
import { ENCODINGS } from '../../lib/data/encoding';
import { t } from './language';

/** `--format` of the commands that read a corpus. */
export function formatOption(): Option {
  const description = t('format of the file (default: detected)', '文件格式（默认自动识别）');
  return new Option('--format <format>', description).choices(CORPUS_FORMATS);
}

/** `--encoding` of the commands that read a text file. */
export function encodingOption(): Option {
  const description = t('encoding of the file (default: UTF-8)', '文件的编码（默认 UTF-8）');
  return new Option('--encoding <name>', description).choices(ENCODINGS);
}
