/**
 * Draws an id from a row of probabilities by inverting their cumulative sum.
 *
 * @param temperature 1, or 0 for greedy.
 */
export function draw(probabilities: Float32Array, temperature: number): number {
  return temperature === 0 ? likeliest(probabilities) : drawn(probabilities, Math.random());
}

function drawn(probabilities: Float32Array, mark: number): number {
  let sum = 0;
  for (let id = 0; id < probabilities.length; id++) {
    sum += probabilities[id] as number;
    if (sum > mark) return id;
  }
  return probabilities.length - 1; // rounding left the sum slightly below 1
}

function likeliest(probabilities: Float32Array): number {
  return probabilities.reduce((best, p, id) => (p > (probabilities[best] as number) ? id : best), 0);
}
