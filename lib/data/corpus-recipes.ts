/**
 * Corpora built from the npm package chinese-poetry:
 * - `poems`: the imperial anthology of Tang poetry (御定全唐詩)
 * - `tangshi`: Three Hundred Tang Poems (唐詩三百首)
 * - `quantangshi`: another edition of the complete Tang poems (全唐詩), with more poems and variant characters
 * - `quansongshi`: the complete Song poems (全宋詩): six times as many, in the same forms
 * - `songci`: the complete Song ci (全宋詞), each titled by its tune (詞牌)
 */
export const BUILTIN_CORPORA = ['poems', 'tangshi', 'quantangshi', 'quansongshi', 'songci'] as const;
/** The name of a built-in corpus: one of `BUILTIN_CORPORA`. */
export type BuiltinCorpus = (typeof BUILTIN_CORPORA)[number];

/** How a corpus is made from chinese-poetry. */
export type Recipe = Readonly<{
  /** A folder or file of chinese-poetry. */
  source: string;
  /** Selects files in the folder. */
  files?: RegExp;
  /** Whether poems are written as `title:content` or as untitled lines. */
  titled: boolean;
  /** Matches text that does not belong to a poem. */
  strip?: RegExp;
  /** What to replace because the source has it wrong. */
  repairs?: readonly (readonly [wrong: RegExp, right: string])[];
  /** Fewest characters of a whole poem, without punctuation: shorter ones are fragments, and left out. */
  fewest?: number;
  /** Most characters of a poem under the cleaning `modern`, with punctuation, if not those of `clean.ts`. */
  maxLength?: number;
  /** The edition that has the missing lines of incomplete poems. */
  completedBy?: BuiltinCorpus;
}>;

/** The recipes of all built-in corpora. */
export const RECIPES: Readonly<Record<BuiltinCorpus, Recipe>> = {
  poems: { source: 'dist/yudingquantangshi/json', titled: true, completedBy: 'quantangshi' },
  tangshi: {
    source: 'dist/mengxue/tangshisanbaishou.json',
    titled: false,
    // Every fifth poem has a note on a variant, for which the classic cleaning would drop the poem.
    strip: /[(（][^()（）]*[)）]/g,
  },
  quantangshi: { source: 'dist/quantangshi', files: /^poet\.tang\./, titled: true },
  quansongshi: { source: 'dist/quantangshi', files: /^poet\.song\./, titled: true },
  songci: {
    source: 'dist/songci',
    files: /^ci\.song\./,
    titled: true,
    repairs: [
      [/（[^（）]*缺[^（）]*）/g, '□'], // 下缺, 缺词文: text is lost, so the note must not just disappear
      [/𧣴/gu, '□'], // a wrong character, which often swallowed the mark after it
      [/﹀/g, '僝'], // 僝僽 in a wrong encoding
      [/︽/g, '僽'],
    ],
    fewest: 16, // those of 归字谣, the shortest tune
    maxLength: 300, // 莺啼序, the longest tune, has 240 characters, and almost 300 with punctuation
  },
};

/** Whether a value is the name of a built-in corpus. */
export function isBuiltinCorpus(value: unknown): value is BuiltinCorpus {
  return (BUILTIN_CORPORA as readonly unknown[]).includes(value);
}

/** The format of the text of a corpus. */
export function builtinFormat(name: BuiltinCorpus): 'titled' | 'lines' {
  return RECIPES[name].titled ? 'titled' : 'lines';
}

/** The most characters of a poem under the cleaning `modern`, if the corpus has its own limit. */
export function builtinMaxLength(name: BuiltinCorpus): number | undefined {
  return RECIPES[name].maxLength;
}
