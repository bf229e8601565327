/** Weights of an LSTM with the gates reordered. PyTorch stacks them as i f g o. */
export function reorderGates(stacked: Float32Array, order: readonly number[]): Float32Array {
  const size = stacked.length / order.length;
  const out = new Float32Array(stacked.length);
  order.forEach((gate, place) => {
    out.set(stacked.subarray(gate * size, (gate + 1) * size), place * size);
  });
  return out;
}
