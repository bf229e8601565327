import { Option } from 'commander';
import { RHYME_BOOKS } from '../../lib';
import { t } from './language';

/** `--rhyme-book`. */
export function rhymeBookOption(): Option {
  return new Option(
    '--rhyme-book <name>',
    t(
      'by which tones and rhymes count; 中华通韵 for modern Mandarin (default: 词林正韵 for ci, otherwise 平水韵)',
      '韵书；中华通韵按今音（默认：词用词林正韵，诗用平水韵）',
    ),
  ).choices(RHYME_BOOKS);
}

/** `--script`. */
export function scriptOption(): Option {
  return new Option('--script <script>', t('script of the output', '输出简体或繁体')).choices([
    'simplified',
    'traditional',
  ]);
}
