// Writes poems over HTTP, each character as it is drawn.
//
//   PORT=8080 node examples/server.mjs
//   curl -NG http://127.0.0.1:8080 --data-urlencode begin=湖 --data-urlencode form=七绝
//
// A browser takes http://127.0.0.1:8080/?begin=湖&form=七绝 as it is. Both wishes may be left away.
// PORT=0 takes any port that is free. SIGTERM or Ctrl-C: poems in progress are finished, then it ends.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { loadModel, streamPoem } from 'tangshi';

/** What the user got wrong, and the message says how to mend. */
const FAULTS_OF_THE_USER = ['EARG', 'EVOCAB'];

// One model for all: each poem is a job in its queue, and none keeps this thread from its sockets.
const model = await loadModel();
const server = createServer(answer).listen(Number(process.env.PORT ?? 8080), '127.0.0.1');
await once(server, 'listening');
console.log(`http://127.0.0.1:${server.address().port}`);
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, stop);

async function answer(request, response) {
  const [path, query] = request.url.split('?');
  // Browsers ask for /favicon.ico too.
  if (request.method !== 'GET' || path !== '/') return response.writeHead(404).end();
  const wishes = new URLSearchParams(query);
  const prompt = wishes.get('begin') ?? undefined;
  const form = wishes.get('form') ?? undefined;

  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  try {
    for await (const char of streamPoem(model, { prompt, form, signal: gone.signal })) response.write(char);
    response.end('\n');
  } catch (error) {
    if (!gone.signal.aborted) refuse(response, error);
  }
}

function refuse(response, error) {
  const isUsers = FAULTS_OF_THE_USER.includes(error.code);
  if (!isUsers) console.error(error);
  // A poem that breaks off must not look like a whole one.
  if (response.headersSent) response.destroy();
  else response.writeHead(isUsers ? 400 : 500).end(isUsers ? `${error.message}\n` : '');
}

async function stop() {
  server.close();
  await once(server, 'close');
  await model.dispose();
}
