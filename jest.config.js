/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  testTimeout: 150_000, // only for tests that hang: a busy machine may be slow
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: { '\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }] },
};
