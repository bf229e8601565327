import type { RunConfig } from '../config/schemas';

const WARM_UP_SHARE = 0.02;
const FINAL_SHARE = 0.05;

/**
 * The learning rate of a step (0 is the first) out of the run's `totalSteps`: a function of the two alone, so that a
 * resumed run goes on as it was.
 */
export function learningRate(
  { lr, schedule }: Pick<RunConfig, 'lr' | 'schedule'>,
  step: number,
  totalSteps: number,
): number {
  if (schedule === 'constant') return lr;
  const warmUp = Math.ceil(totalSteps * WARM_UP_SHARE);
  if (step < warmUp) return (lr * (step + 1)) / warmUp;
  const progress = Math.min(1, (step - warmUp) / Math.max(1, totalSteps - warmUp));
  return lr * (FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
