// Writes a quatrain that begins with 湖: node examples/poem.mjs
import { generatePoems, loadModel } from 'tangshi';

// Without a path: the best checkpoint of the newest run under runs/, or the model that comes with the package.
const model = await loadModel();
const [poem] = await generatePoems(model, { prompt: '湖', form: '七绝' });
console.log(poem.lines.join('\n'));
await model.dispose();
