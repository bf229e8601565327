/** Weights of an LSTM with their four gates, which PyTorch stacks i f g o, in another order. */
export function reorderGates(stacked: Float32Array, order: readonly number[]): Float32Array {
  const size = stacked.length / order.length;
  const out = new Float32Array(stacked.length);
  order.forEach((gate, place) => {
    out.set(stacked.subarray(gate * size, (gate + 1) * size), place * size);
  });
  return out;
}
