// The built-in pages below a prefix: a site's proxy serves all of the chat at /games/.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { after, before, test } from "node:test";

import { ChatPage } from "./chat-page.js";
import { FlashPage, RUFFLE } from "./flash-page.js";
import { launchBrowser, startServer } from "./support.js";

const PREFIX = "/games";
const skip = RUFFLE === undefined && "the package @ruffle-rs/ruffle is not installed";

let browser;

before(async () => {
    browser = await launchBrowser();
});

after(() => browser?.close());

/** Starts a server, and a proxy before it that answers 404 outside of its prefix. */
async function behindProxy(t, args = []) {
    const server = await startServer({ args });
    t.after(() => server.remove());
    const outside = [];
    const inside = (request) => {
        const found = request.url.startsWith(`${PREFIX}/`);
        if (!found) {
            outside.push(request.url);
        }
        return found ? request.url.slice(PREFIX.length) : null;
    };
    const proxy = http.createServer((request, answer) => {
        const path = inside(request);
        if (path === null) {
            answer.writeHead(404).end();
            return;
        }
        const { method, headers } = request;
        const asked = http.request({ host: "127.0.0.1", port: server.port, path, method, headers }, (got) => {
            answer.writeHead(got.statusCode, got.headers);
            got.pipe(answer);
        });
        request.pipe(asked);
    });
    proxy.on("upgrade", (request, socket) => {
        const path = inside(request) ?? "/";
        const fields = request.rawHeaders.map((text, at) => (at % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join("");
        const upstream = net.connect({ host: "127.0.0.1", port: server.port });
        upstream.write(`${request.method} ${path} HTTP/1.1\r\n${fields}\r\n`);
        for (const [from, to] of [[socket, upstream], [upstream, socket]]) {
            from.on("error", () => to.destroy());
            from.pipe(to);
        }
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    t.after(() => {
        proxy.closeAllConnections();
        proxy.close();
    });
    const { port } = proxy.address();
    return { port, url: `http://127.0.0.1:${port}${PREFIX}/chat/`, outside };
}

/** Where the links of a page lead, by their paths. */
function links(page) {
    return page.evaluate(() => [...document.querySelectorAll("a[href]")]
        .filter(({ origin }) => origin === location.origin)
        .map(({ pathname }) => pathname));
}

test("the chat page stays below a proxy's prefix", async (t) => {
    const proxy = await behindProxy(t);
    const alice = await ChatPage.open(t, browser, proxy);
    assert.deepEqual(await links(alice.page), [`${PREFIX}/flash/`, `${PREFIX}/server-status`]);
    await alice.arrive("alice", "secret1");
    assert.deepEqual(proxy.outside, []);
});

test("the Flash page and its movie stay below a proxy's prefix", { skip }, async (t) => {
    const proxy = await behindProxy(t, ["--ruffle", RUFFLE]);
    const flash = await FlashPage.open(t, browser, { ...proxy, path: `${PREFIX}/flash/` });
    await flash.plays();
    const paths = new Set(await links(flash.page));
    assert.deepEqual(paths, new Set([`${PREFIX}/chat/`, `${PREFIX}/flash/`, `${PREFIX}/flash/chat.swf`]));
    await flash.logIn("bob", "secret2");
    await flash.tells("Welcome, bob.");
    assert.deepEqual(proxy.outside, []);
});
