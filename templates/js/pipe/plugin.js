// @NAME@ - a component of the contract berth:pipe, in plugin.wit.
const hello = new TextEncoder().encode("Hello, ");

export function process(name) {
  if (name.length === 0)
    throw "no name"; // a string is the error of plugin.wit
  const reply = new Uint8Array(hello.length + name.length);
  reply.set(hello);
  reply.set(name, hello.length);
  return reply;
}
