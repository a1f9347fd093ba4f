// A small mail server that keeps what it is given.
import { createServer } from 'node:net';

// startMailbox resolves to { port, mails, close }; mails has the text of each, as it came.
export const startMailbox = () => new Promise((resolve, reject) => {
  const mails = [], sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    let pending = '', data;
    const say = (line) => socket.write(`${line}\r\n`);
    say('220 mailbox');
    socket.on('data', (bytes) => {
      pending += bytes;
      for (let end; (end = pending.indexOf('\r\n')) >= 0; pending = pending.slice(end + 2)) {
        const line = pending.slice(0, end);
        if (data !== undefined) {
          if (line !== '.') { data += `${line}\n`; continue; }
          mails.push(data);
          data = undefined;
          say('250 kept');
        } else if (/^DATA/i.test(line)) {
          data = '';
          say('354 go on');
        } else if (/^QUIT/i.test(line)) {
          say('221 bye');
          socket.end();
        } else {
          say('250 ok');
        }
      }
    });
  });
  server.on('error', reject);
  server.listen(0, '127.0.0.1', () => resolve({
    port: server.address().port, mails,
    close: () => { server.close(); for (const socket of sockets) socket.destroy(); },
  }));
});
