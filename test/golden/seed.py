"""The original program's cleaning, order, vocabulary and batches, copied literally, applied to crafted lines.

Writes seed-poems.txt, seed-lines.txt (the crafted input) and seed.json (the original program's results), which
test/data compares with lib/. Run: python3 test/golden/seed.py
"""

import collections
import json
import pathlib

HERE = pathlib.Path(__file__).parent
START, END = 'G', 'E'
BATCH = 4


def han(count, first=0x6000):
    return ''.join(chr(first + index) for index in range(count))


POEMS = '\n'.join([
    '\ufeff首:春眠不觉晓，处处闻啼鸟。',            # BOM: part of the title
    '静夜思:床前明月光，疑是地上霜。',
    '没有冒号的一行，没有冒号的一行。',               # no colon
    '两:个:冒号的一行诗，不要。',                     # two colons
    '全角：冒号的一行，没有题目。',                   # full-width colon only
    '甲:一二三_四五', '乙:一二三(四五', '丙:一二三（四五', '丁:一二三《四五', '戊:一二三[四五', '己:一二三G四五',
    '庚:一二三E四五',                                 # each skipped character
    '辛:一二三）四》五]六}',                          # their counterparts are not skipped
    'E_G(《:题目里的不算数。',                         # skipped characters in the title
    '四:一二三四', '五:一二三四五', '八十:' + han(80), '八十一:' + han(81),
    '空格: 山  中 相送罢 ， 日暮 掩柴扉。 ',
    '三十字外:' + ' ' * 90 + '空格不算长度',
    '\u3000全角空白:\u3000里面的全角空白\u3000\u3000',   # U+3000: stripped at the ends, counted inside
    '\x1c\x1f控制:控制字符外面剥去\x1d\x1e\x85',
    '里面:控制\x1c字符\x85里面\xa0留下',
    '零宽:\u200b零宽空格不剥去\u200b', '尾BOM:末尾的留下来\ufeff',
    '\t制表:制表符\t里面\v\f', 'LS:行分\u2028隔符\u2029不分行',
    '窗:回车换行在此。\r', '', '   ', '\u3000',          # CRLF; blank lines are format errors
    '老:只有回车\r新:也是一行吧\r\r夹:两个回车之后',
    ':没有题目的诗', '没有内容:', ':',
    '天:𠀀𠀁𠀂𠀃', '天外:𠀀𠀁𠀂𠀃𠀄', '天尽:' + '𠀀' * 80, '天满:' + '𠀀' * 81,   # astral: counted by code point
    '数字:12345', 'ascii:hello', '平:乙甲乙甲丙', '局:丁戊丁戊己', '重:春眠不觉晓，处处闻啼鸟。',
    '等长一:东南西北中', '等长二:中北西南东', '末行没有换行:到此为止了',
])

LINES = '\n'.join([
    '\ufeff巴山上峡重复重，阳台碧峭十二峰。',           # BOM: a character of the poem
    '', '  ', '\u3000\u3000', '\x1c',
    '床前明月光，疑是地上霜。', '，一二，三四。。', '，一二，三四五。。',
    '两个  空格去掉了', '三个   空格剩一个', '一个 空格留下来', '四个    空格都没了', '，。  ，夹 ， 在中间',
    '标题:冒号也算一个字', '甲_乙丙丁戊', '甲(乙丙丁戊', '甲（乙丙丁戊', '甲《乙丙丁戊', '甲[乙丙丁戊', '甲G乙丙丁', '甲E乙丙丁',
    han(80), han(81), '，'.join(han(80)) + '。', '𠀀𠀁𠀂𠀃', '𠀀𠀁𠀂𠀃𠀄', '回车换行行尾吧\r', '老回车\r老的回车行',
    '\x85\xa0剥去外面的字\u2003\u3000', '君不见，黄河之水！', '乙甲乙甲丙', '甲乙甲乙丙', '最后一行没换行',
])


def skipped(content):
    return ('_' in content or '(' in content or '（' in content or '《' in content or '[' in content
            or START in content or END in content)


def process_poems1(path, counts):
    poems = []
    with open(path, 'r', encoding='utf-8') as f:
        for line in f.readlines():
            counts['read'] += 1
            try:
                title, content = line.strip().split(':')
                content = content.replace(' ', '')
                if skipped(content):
                    counts['skip-character'] += 1
                    continue
                if len(content) < 5 or len(content) > 80:
                    counts['too-short' if len(content) < 5 else 'too-long'] += 1
                    continue
                poems.append(START + content + END)
            except ValueError:
                counts['format'] += 1
    return poems


def process_poems2(path, counts):
    poems = []
    with open(path, 'r', encoding='utf-8') as f:
        for line in f.readlines():
            counts['read'] += 1
            line = line.strip()
            if not line:
                counts['blank'] += 1
                continue
            content = line.replace(' ' ' ', '').replace('，', '').replace('。', '')
            if skipped(content):
                counts['skip-character'] += 1
                continue
            if len(content) < 5 or len(content) > 80:
                counts['too-short' if len(content) < 5 else 'too-long'] += 1
                continue
            poems.append(START + content + END)
    return poems


def vocabulary(poems):
    poems = sorted(poems, key=lambda line: len(line))
    all_words = []
    for poem in poems:
        all_words += [word for word in poem]
    counter = collections.Counter(all_words)
    count_pairs = sorted(counter.items(), key=lambda x: -x[1])
    words, _ = zip(*count_pairs)
    words = words[:len(words)] + (' ',)
    word_int_map = dict(zip(words, range(len(words))))
    poems_vector = [list(map(word_int_map.get, poem)) for poem in poems]
    return poems, words, word_int_map, poems_vector


def generate_batch(batch_size, poems_vec):
    x_batches, y_batches = [], []
    for i in range(len(poems_vec) // batch_size):
        x_data = poems_vec[i * batch_size:(i + 1) * batch_size]
        y_data = []
        for row in x_data:
            y = row[1:]
            y.append(row[-1])
            y_data.append(y)
        x_batches.append(x_data)
        y_batches.append(y_data)
    return x_batches, y_batches


def golden(path, process):
    counts = collections.Counter()
    kept = process(path, counts)
    counts['kept'] = len(kept)
    poems, words, word_int_map, vectors = vocabulary(kept)
    x_batches, y_batches = generate_batch(BATCH, vectors)
    return {
        'counts': counts,
        'poems': [poem[1:-1] for poem in poems],
        'words': words,
        'classes': len(word_int_map) + 1,
        'vectors': vectors,
        'batches': [{'inputs': x, 'targets': y} for x, y in zip(x_batches, y_batches)],
    }


def main():
    (HERE / 'seed-poems.txt').write_bytes(POEMS.encode())
    (HERE / 'seed-lines.txt').write_bytes(LINES.encode())
    result = {
        'batch': BATCH,
        'titled': golden(HERE / 'seed-poems.txt', process_poems1),
        'lines': golden(HERE / 'seed-lines.txt', process_poems2),
    }
    (HERE / 'seed.json').write_text(json.dumps(result, ensure_ascii=False) + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()
