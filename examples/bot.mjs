// A chat bot without the chat: one message per line on stdin, answers on stdout in the order of the messages.
//
//   printf '!诗 七绝 湖\n!藏头 春夏秋冬\n' | node examples/bot.mjs
//
// No message waits for the one before it: the model queues the poems, and the bot prints them in order.
import { createInterface } from 'node:readline';
import { Model, TangshiError } from 'tangshi';

const HELP = `!诗 湖          a poem that begins with 湖
!诗 七绝 湖     in a form: 五绝, 七绝, 五律, 七律
!藏头 春夏秋冬  lines that begin with these characters
!help           this`;

const COMMANDS = {
  '!help': async () => HELP,
  '!诗': (...words) => poem({ form: words.length > 1 ? words.shift() : undefined, prompt: words.join('') }),
  '!藏头': (...words) => poem({ acrostic: words.join('') }),
};

const model = await Model.load();
let printed = Promise.resolve();
for await (const message of createInterface({ input: process.stdin })) {
  if (!message.startsWith('!')) continue; // people talking to each other
  const reply = answer(message);
  printed = printed.then(async () => console.log(`${await reply}\n`));
}
await printed;
await model.dispose();

async function answer(message) {
  const [name, ...words] = message.trim().split(/\s+/);
  if (!Object.hasOwn(COMMANDS, name)) return `Unknown command ${name}: try !help`;
  try {
    return await COMMANDS[name](...words);
  } catch (error) {
    if (error instanceof TangshiError) return error.message; // says how to fix the request
    throw error;
  }
}

async function poem(options) {
  const { lines } = await model.generate(options);
  return lines.join('\n');
}
