import { addon } from '../../lib/native/addon';
import type { TrainingSession } from '../../lib/native/training-session';
import { sessionConfig } from './fixture';

test('the addon reports its libtorch version and its kernels', () => {
  expect(addon().torchVersion).toMatch(/^2\.\d+\.\d+/);
  expect(addon().kernels).toMatch(/^(baseline|avx2|avx512)$/);
});

test('its classes have prototypes, but no constructors that JavaScript can call', async () => {
  const { InferenceSession, TrainingSession: Training, FileLock } = addon();
  for (const Class of [InferenceSession, Training, FileLock] as unknown as (new () => object)[]) {
    expect(() => new Class()).toThrow('Illegal constructor');
    class Derived extends Class {}
    expect(() => new Derived()).toThrow('Illegal constructor');
  }
  const session = await Training.open(sessionConfig);
  expect(session).toBeInstanceOf(Training);
  expect(Object.keys(session)).toEqual([]);
  const { evaluate } = session;
  const other = await InferenceSession.open({ ...sessionConfig }, weights(await session.snapshot()));
  for (const receiver of [{}, undefined, other, Object.create(Object.getPrototypeOf(session))])
    expect(() => evaluate.call(receiver as never, [])).toThrow('Illegal invocation');
  const job = session.evaluate([]);
  expect(() => job.cancel.call({} as never)).toThrow('Illegal invocation');
  await job.done;
  await Promise.all([session.dispose(), other.dispose()]);
});

function weights(tensors: Awaited<ReturnType<TrainingSession['snapshot']>>) {
  return Object.fromEntries(Object.entries(tensors).filter(([name]) => !/^(optim|rng)\./.test(name)));
}
