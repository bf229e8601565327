// A chat bot without the chat: a message a line on stdin, answers on stdout in the order of the messages.
//
//   printf '!诗 七绝 湖\n!藏头 春夏秋冬\n' | node examples/bot.mjs
//
// No message waits for the one before it: all are worked on at once, and only told one after the other.
import { createInterface } from 'node:readline';
import { generatePoems, loadModel, TangshiError } from 'tangshi';

const HELP = `!诗 湖          a poem that begins with 湖
!诗 七绝 湖     in a form: 五绝, 七绝, 五律, 七律
!藏头 春夏秋冬  lines that begin with these characters
!help           this`;

const COMMANDS = {
  '!help': async () => HELP,
  '!诗': (...words) => poem({ form: words.length > 1 ? words.shift() : undefined, prompt: words.join('') }),
  '!藏头': (...words) => poem({ acrostic: words.join('') }),
};

const model = await loadModel();
let told = Promise.resolve();
for await (const message of createInterface({ input: process.stdin })) {
  if (!message.startsWith('!')) continue; // people talking to each other
  const reply = answer(message);
  told = told.then(async () => console.log(`${await reply}\n`));
}
await told;
await model.dispose();

async function answer(message) {
  const [name, ...words] = message.trim().split(/\s+/);
  if (!Object.hasOwn(COMMANDS, name)) return `${name} is no command: try !help`;
  try {
    return await COMMANDS[name](...words);
  } catch (error) {
    if (error instanceof TangshiError) return error.message; // written for whoever asked
    throw error;
  }
}

async function poem(options) {
  const [{ lines }] = await generatePoems(model, options);
  return lines.join('\n');
}
