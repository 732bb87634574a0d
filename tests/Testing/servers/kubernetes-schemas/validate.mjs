// Reads a JSON array of Kubernetes objects and writes a line for each fault: what the published schemas refuse, and fields that they do not know.
// The schemas are compiled to code that reads every field it knows, so a field that was never read is unknown (a server drops it in silence).
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const packages = {
  '': 'kubernetes-models', // v1, apps/v1 and whatever has no package of its own
  'keda.sh': '@kubernetes-models/keda',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
  'gateway.networking.k8s.io': '@kubernetes-models/gateway-api',
};
const modules = join(process.argv[2], 'node_modules');

async function modelOf(object) {
  const group = object.apiVersion.includes('/') ? object.apiVersion.split('/')[0] : '';
  const model = join(modules, packages[group] ?? packages[''], object.apiVersion, `${object.kind}.js`);
  return (await import(pathToFileURL(model)))[object.kind];
}

// A view of a value that notes which of its fields are read.
function watched(value, path, seen) {
  if (value === null || typeof value !== 'object') return value;
  const note = { path, value, asked: new Set() };
  seen.push(note);
  const below = new Map();
  return new Proxy(value, {
    get(target, name) {
      if (typeof name !== 'string') return target[name];
      note.asked.add(name);
      if (!Object.hasOwn(target, name) || target[name] === null || typeof target[name] !== 'object') return target[name];
      if (!below.has(name)) below.set(name, watched(target[name], `${path}/${name}`, seen));
      return below.get(name);
    },
  });
}

let text = '';
for await (const chunk of process.stdin) text += chunk;
for (const object of JSON.parse(text)) {
  const name = `${object.apiVersion} ${object.kind} ${object.metadata?.name}`;
  const model = await modelOf(object).catch(() => undefined);
  if (!model) {
    console.log(`${name}: no schema knows this kind`);
    continue;
  }
  const seen = [];
  const instance = new model({ apiVersion: object.apiVersion, kind: object.kind });
  for (const [key, value] of Object.entries(object)) instance[key] = watched(value, `/${key}`, seen);
  try {
    instance.validate();
  } catch (fault) {
    for (const line of fault.message.split('\n')) console.log(`${name}: ${line}`);
    continue;
  }
  for (const { path, value, asked } of seen) {
    // Of an object without fields of its own (a quantity, free text) nothing is asked.
    if (Array.isArray(value) || asked.size === 0) continue;
    for (const key of Object.keys(value)) if (!asked.has(key)) console.log(`${name}: ${path}/${key} is no field of this kind`);
  }
}
