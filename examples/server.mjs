// Generates poems over HTTP, sending each character as it is drawn.
//
//   PORT=8080 node examples/server.mjs
//   curl -NG http://127.0.0.1:8080 --data-urlencode prompt=湖 --data-urlencode form=七绝
//
// In a browser: http://127.0.0.1:8080/?prompt=湖&form=七绝. Both parameters are optional.
// PORT=0 takes any free port. MODEL names a checkpoint or a run folder instead of the bundled model.
// SIGTERM and Ctrl-C finish the poems in progress.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Model } from 'tangshi';

/** Errors of the request: their messages say how to fix it. */
const REQUEST_ERRORS = ['ERR_TANGSHI_INVALID_ARG', 'ERR_TANGSHI_VOCAB'];

// One model for all requests: it queues the poems without blocking this thread.
const model = await Model.load(process.env.MODEL);
const server = createServer(answer).listen(Number(process.env.PORT ?? 8080), '127.0.0.1');
await once(server, 'listening');
console.log(`http://127.0.0.1:${server.address().port}`);
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, stop);

async function answer(request, response) {
  const [path, query] = request.url.split('?');
  // Browsers also request /favicon.ico.
  if (request.method !== 'GET' || path !== '/') return response.writeHead(404).end();
  const parameters = new URLSearchParams(query);
  const prompt = parameters.get('prompt') ?? undefined;
  const form = parameters.get('form') ?? undefined;

  const closed = new AbortController();
  response.on('close', () => closed.abort());
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  try {
    for await (const char of model.stream({ prompt, form, signal: closed.signal })) response.write(char);
    response.end('\n');
  } catch (error) {
    if (!closed.signal.aborted) fail(response, error);
  }
}

function fail(response, error) {
  const isRequestError = REQUEST_ERRORS.includes(error.code);
  if (!isRequestError) console.error(error);
  // An incomplete poem must not look like a complete one.
  if (response.headersSent) response.destroy();
  else response.writeHead(isRequestError ? 400 : 500).end(isRequestError ? `${error.message}\n` : '');
}

async function stop() {
  server.close();
  await once(server, 'close');
  await model.dispose();
}
