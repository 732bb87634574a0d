// Receives signed callbacks. PORT says where to listen; CALLBACK_SECRETS holds one or more whsec_ secrets, with spaces between.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const secrets = process.env.CALLBACK_SECRETS.split(/\s+/).filter(Boolean).map((secret) => Buffer.from(secret.replace(/^whsec_/, ''), 'base64'));
const toleranceSeconds = 5 * 60;
const largestBytes = 32 * 1024 * 1024;

// Whether the callback is young and carries a signature of one of our secrets.
function verifies(headers, body) {
  const id = headers['webhook-id'] ?? '';
  const timestamp = headers['webhook-timestamp'] ?? '';
  if (!/^[0-9]{1,12}$/.test(timestamp) || Math.abs(Date.now() / 1000 - Number(timestamp)) > toleranceSeconds) {
    return false;
  }

  const ours = secrets.map((secret) => Buffer.from('v1,' + createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest('base64')));
  const theirs = (headers['webhook-signature'] ?? '').split(' ').map((signature) => Buffer.from(signature));
  return theirs.some((one) => ours.some((other) => one.length === other.length && timingSafeEqual(one, other)));
}

async function read(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length > largestBytes) {
      return null;
    }

    chunks.push(chunk);
  }

  return Buffer.concat(chunks);
}

async function receive(request, response) {
  const body = request.method === 'POST' ? await read(request) : null;
  if (body === null) {
    response.writeHead(request.method === 'POST' ? 413 : 405, { connection: 'close' }).end();
  } else if (!verifies(request.headers, body)) {
    response.writeHead(401).end();
  } else {
    // Your work goes here. Answer after it is safe: what is answered with 2xx does not come again.
    console.log('accepted', request.headers['webhook-id'], request.headers['x-function-status'], body.length);
    response.writeHead(204).end();
  }
}

// A caller that goes away in the middle must not end the process.
const server = createServer((request, response) => receive(request, response).catch(() => response.destroy()));
server.listen(Number(process.env.PORT ?? 8000), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}/`));
