// fauxqs on 127.0.0.1 only; its own program listens on every address. Says "listening PORT" when it is up.
// Run from the directory into which its package-lock.json was installed: node serve.mjs PORT
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const modules = join(process.cwd(), "node_modules");
const program = createRequire(join(modules, "fauxqs", "package.json")).resolve("./dist/app.js");
const { buildApp } = await import(pathToFileURL(program).href);

const app = buildApp({ logger: false, defaultRegion: "us-east-1", host: "localhost" });
await app.listen({ port: Number(process.argv[2] ?? 0), host: "127.0.0.1" });
console.log(`listening ${app.server.address().port}`);
process.on("SIGTERM", () => app.close().then(() => process.exit(0)));
