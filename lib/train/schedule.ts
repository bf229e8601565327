import type { RunConfig } from '../config/schemas';

const WARM_UP_FRACTION = 0.02;
const FINAL_FRACTION = 0.05;

/**
 * The learning rate of a step, counted from 0. Depends only on the step and the run's `totalSteps`, so that a resumed
 * run continues unchanged.
 */
export function learningRate(
  { lr, schedule }: Pick<RunConfig, 'lr' | 'schedule'>,
  step: number,
  totalSteps: number,
): number {
  if (schedule === 'constant') return lr;
  const warmUp = Math.ceil(totalSteps * WARM_UP_FRACTION);
  if (step < warmUp) return (lr * (step + 1)) / warmUp;
  const progress = Math.min(1, (step - warmUp) / Math.max(1, totalSteps - warmUp));
  return lr * (FINAL_FRACTION + (1 - FINAL_FRACTION) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
