/**
 * The part of ONNX's protobuf format needed to write a model: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 * The numbers are the field numbers there.
 */

const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;
const ATTRIBUTE_INT = 2;
const IR_VERSION = 8;
const OPSET = 17;

export type Node = Readonly<{
  op: string;
  /** '' omits an optional input. */
  inputs: readonly string[];
  outputs: readonly string[];
  attributes?: Readonly<Record<string, number>>;
}>;

/** A size, or the name of one that is known at run time. */
export type Shape = readonly (number | string)[];

export type Graph = Readonly<{
  nodes: readonly Node[];
  constants: Readonly<
    Record<string, Readonly<{ shape: readonly number[]; values: Float32Array | BigInt64Array }>>
  >;
  inputs: Readonly<Record<string, Readonly<{ type: 'float' | 'int32'; shape: Shape }>>>;
  outputs: Readonly<Record<string, Shape>>;
}>;

export function encodeModel({ nodes, constants, inputs, outputs }: Graph): Uint8Array {
  const graph = [
    ...nodes.map((node) => message(1, encodeNode(node))),
    bytes(2, 'graph'),
    ...Object.entries(constants).map(([name, { shape, values }]) => {
      const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      const type = values instanceof Float32Array ? FLOAT : INT64;
      return message(5, [
        ...shape.map((size) => integer(1, size)),
        integer(2, type),
        bytes(8, name),
        bytes(9, raw),
      ]);
    }),
    ...Object.entries(inputs).map(([name, { type, shape }]) =>
      message(11, encodeValue(name, type === 'float' ? FLOAT : INT32, shape)),
    ),
    ...Object.entries(outputs).map(([name, shape]) => message(12, encodeValue(name, FLOAT, shape))),
  ];
  const opset = message(8, [bytes(1, ''), integer(2, OPSET)]);
  return Buffer.concat([integer(1, IR_VERSION), message(7, graph), opset]);
}

function encodeNode({ op, inputs, outputs, attributes = {} }: Node): Buffer[] {
  return [
    ...inputs.map((name) => bytes(1, name)),
    ...outputs.map((name) => bytes(2, name)),
    bytes(4, op),
    ...Object.entries(attributes).map(([name, value]) =>
      message(5, [bytes(1, name), integer(3, value), integer(20, ATTRIBUTE_INT)]),
    ),
  ];
}

function encodeValue(name: string, type: number, shape: Shape): Buffer[] {
  const sizes = shape.map((size) =>
    message(1, [typeof size === 'number' ? integer(1, size) : bytes(2, size)]),
  );
  return [bytes(1, name), message(2, [message(1, [integer(1, type), message(2, sizes)])])];
}

function message(field: number, parts: readonly Buffer[]): Buffer {
  return bytes(field, Buffer.concat(parts));
}

function bytes(field: number, content: string | Uint8Array): Buffer {
  const raw = Buffer.from(content as Uint8Array);
  return Buffer.concat([varint(field * 8 + 2), varint(raw.length), raw]);
}

function integer(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

/** Varint: seven bits per byte, lowest first; the top bit says that more follow. */
function varint(value: number): Buffer {
  const low = value % 128;
  return value < 128 ? Buffer.of(low) : Buffer.concat([Buffer.of(low | 128), varint((value - low) / 128)]);
}
