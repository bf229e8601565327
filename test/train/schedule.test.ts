import { learningRate } from '../../lib/train/schedule';

const cosine = { lr: 0.004, schedule: 'cosine' } as const;

test('constant stays constant', () => {
  expect(learningRate({ lr: 0.01, schedule: 'constant' }, 0, 10)).toBe(0.01);
  expect(learningRate({ lr: 0.01, schedule: 'constant' }, 9, 10)).toBe(0.01);
});

test('cosine warms up over 1/50 of the steps, then decays to 1/20 of the peak', () => {
  expect(learningRate(cosine, 0, 1000)).toBeCloseTo(0.004 / 20);
  expect(learningRate(cosine, 19, 1000)).toBeCloseTo(0.004);
  expect(learningRate(cosine, 510, 1000)).toBeCloseTo(0.004 * (0.05 + 0.95 / 2));
  expect(learningRate(cosine, 1000, 1000)).toBeCloseTo(0.0002);
  const rates = Array.from({ length: 980 }, (_, step) => learningRate(cosine, step + 20, 1000));
  expect(rates.every((rate, step) => step === 0 || rate < (rates[step - 1] as number))).toBe(true);
});

test('is positive and never above its peak, however short the run', () => {
  for (const total of [1, 2, 3, 50, 51]) {
    for (let step = 0; step < total; step++) {
      const rate = learningRate(cosine, step, total);
      expect(rate).toBeGreaterThan(0);
      expect(rate).toBeLessThanOrEqual(0.004);
    }
  }
});
