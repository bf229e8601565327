import { headingOf, linesOf, poemsOf } from '../../lib/data/poem-rows';

const LINES = ['白日依山尽', '黄河入海流', '欲穷千里目', '更上一层楼'];
const POEM = '白日依山尽，黄河入海流。\n欲穷千里目，更上一层楼。';

describe('lines of a pasted poem', () => {
  test.each([
    ['plain', POEM],
    ['in quotation marks', `“${POEM}”`],
    ['with footnotes', '白日①依山尽，黄河入海流②。欲穷⑴千里目，更上一层楼¹。'],
    [
      'with notes in brackets',
      '白日依山尽（一作某（某本）），黄河入海流。【注】欲穷千里目，更上一层[1]楼[十二]。',
    ],
    ["with an editor's restorations", '白[日]依山尽，黄河[入海]流。欲穷千里目，更上一层楼。'],
    ['with a title and an author', `登鹳雀楼\n王之涣\n${POEM}`],
    ['with a title and an author on one line', `登鹳雀楼 王之涣\n${POEM}`],
    ['with a title in brackets', `《登鹳雀楼》\n唐·王之涣\n${POEM}`],
    ['title:content', `登鹳雀楼:${POEM}`],
    ['title：content', `登鹳雀楼：${POEM}`],
    ['《title》content', `《登鹳雀楼》${POEM}`],
    ['with a labelled author and a title', `登鹳雀楼\n作者：王之涣\n${POEM}`],
    ['numbered', `1. ${POEM}`],
    ['numbered in Chinese', `一、${POEM}`],
    ['with a number in a series', `其一\n${POEM}`],
    ['separated by tabs', LINES.join('\t')],
    ['indented with full-width spaces', `　　${POEM.replace('\n', '\n　　')}`],
    ['half-width punctuation', '白日依山尽,黄河入海流.欲穷千里目,更上一层楼.'],
    ['without punctuation', LINES.join('\n')],
    ['without punctuation, below a title', `登鹳雀楼\n${LINES.join('\n')}`],
    ['without punctuation, below a title as long as a line', `登鹳雀楼作\n${LINES.join('\n')}`],
    ['compatibility ideographs', POEM.replace('更', '\uf901').replace('流', '\uf9ca')],
    ['Windows line ends', POEM.replace('\n', '\r\n')],
  ])('%s', (_, text) => {
    expect(linesOf(text)).toEqual(LINES);
  });

  test('the first line may end with a colon', () => {
    expect(linesOf('君问归期未有期：巴山夜雨涨秋池。何当共剪西窗烛，却话巴山夜雨时。')[0]).toBe(
      '君问归期未有期',
    );
  });

  test('any number of unbalanced brackets is handled quickly', () => {
    for (const text of ['('.repeat(1e6), '()'.repeat(1e6), `${'('.repeat(1e5)}注${')'.repeat(1e5)}`]) {
      expect(linesOf(`${text}${POEM}`).slice(-3)).toEqual(LINES.slice(1));
    }
  });

  test('a line that is not Han is kept', () => {
    expect(linesOf('□日依山尽，黄河入海流。')).toEqual(['□日依山尽', '黄河入海流']);
    expect(linesOf('')).toEqual([]);
    expect(linesOf('！，。')).toEqual([]);
  });
});

describe('heading of a pasted poem', () => {
  test.each<[heading: string, words: string[]]>([
    ['登鹳雀楼\n王之涣\n', ['登鹳雀楼', '王之涣']],
    ['登鹳雀楼 王之涣\n', ['登鹳雀楼', '王之涣']],
    ['念奴娇·赤壁怀古\n苏轼\n', ['念奴娇', '赤壁怀古', '苏轼']],
    ['《念奴娇（赤壁怀古）》\n', ['念奴娇', '赤壁怀古']],
    ['《登鹳雀楼》', ['登鹳雀楼']],
    ['登鹳雀楼：', ['登鹳雀楼']],
    ['登鹳雀楼\r\n\r\n王之涣\r\n', ['登鹳雀楼', '王之涣']],
    ['', []],
    ['\n \n', []],
  ])('%j', (heading, words) => {
    expect(headingOf(heading + POEM)).toEqual(words);
  });

  test('a poem without one, or no poem', () => {
    expect(headingOf(LINES.join('\n'))).toEqual([]);
    expect(headingOf('')).toEqual([]);
  });
});

describe('poems in a text', () => {
  test('are separated by blank lines', () => {
    expect(poemsOf(`${POEM}\n\n \n${POEM}\r\n\r\n`)).toEqual([POEM, POEM]);
    expect(poemsOf(' \n\n')).toEqual([]);
  });

  test('a title above a blank line belongs to the poem below', () => {
    expect(poemsOf(`登鹳雀楼\n\n${POEM}`)).toEqual([POEM]);
  });

  test('each line is a poem if each has a title', () => {
    const line = `登鹳雀楼:${POEM.replace('\n', '')}`;
    expect(poemsOf(`${line}\n${line}`)).toEqual([line, line]);
    const bare = POEM.replace('\n', '');
    expect(poemsOf(`${bare}\n${bare}`)).toEqual([bare, bare]);
    expect(poemsOf(POEM)).toEqual([POEM]);
  });
});
