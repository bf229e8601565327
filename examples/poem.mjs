// Generates a quatrain that begins with 湖: node examples/poem.mjs
import { Model } from 'tangshi';

const model = await Model.load(); // the model that comes with the package
const poem = await model.generate({ prompt: '湖', form: '七绝' });
console.log(poem.lines.join('\n'));
await model.dispose();
