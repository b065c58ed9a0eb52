// Sound on a page of the site: a browser seeks in it by requests for parts of the file.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";

import { launchBrowser, startServer } from "./support.js";

const RATE = 8000;
const SECONDS = 600;

let browser;

before(async () => {
    browser = await launchBrowser();
});

after(() => browser?.close());

/** Noise that does not repeat: 16 bits, mono. */
function wav() {
    const data = Buffer.alloc(2 * RATE * SECONDS);
    for (let at = 0, state = 1; at < data.length; at += 2) {
        state = (Math.imul(state, 1664525) + 1013904223) | 0;
        data.writeInt16LE(state >> 16, at);
    }
    const head = Buffer.alloc(44);
    head.write("RIFF", 0);
    head.writeUInt32LE(36 + data.length, 4);
    head.write("WAVEfmt ", 8);
    head.writeUInt32LE(16, 16);
    head.writeUInt16LE(1, 20);
    head.writeUInt16LE(1, 22);
    head.writeUInt32LE(RATE, 24);
    head.writeUInt32LE(2 * RATE, 28);
    head.writeUInt16LE(2, 32);
    head.writeUInt16LE(16, 34);
    head.write("data", 36);
    head.writeUInt32LE(data.length, 40);
    return Buffer.concat([head, data]);
}

test("a browser seeks in a sound", async (t) => {
    const server = await startServer({
        args: ["--site", "site"],
        prepare: async (home) => {
            await mkdir(path.join(home, "site"));
            await writeFile(path.join(home, "site", "long.wav"), wav());
            await writeFile(path.join(home, "site", "index.html"), "<audio src=long.wav preload=metadata></audio>");
        },
    });
    t.after(() => server.remove());
    const page = await browser.newPage();
    t.after(() => page.close());
    const answers = [];
    page.on("response", (answer) => answers.push([answer.status(), answer.headers()["content-range"]]));
    await page.goto(`http://127.0.0.1:${server.port}/`);
    const [duration, reached] = await page.evaluate(async (to) => {
        const audio = document.querySelector("audio");
        const happened = (name) => new Promise((resolve) => audio.addEventListener(name, resolve, { once: true }));
        if (!(audio.readyState >= HTMLMediaElement.HAVE_METADATA)) {
            await happened("loadedmetadata");
        }
        const sought = happened("seeked");
        audio.currentTime = to;
        await sought;
        return [audio.duration, audio.currentTime];
    }, SECONDS - 10);
    assert.deepEqual([duration, reached], [SECONDS, SECONDS - 10]);
    const parts = answers.filter(([status]) => status === 206).map(([, range]) => Number(/^bytes (\d+)-/.exec(range)[1]));
    assert.ok(parts.some((from) => from > 2 * RATE * (SECONDS - 20)), `it began near the end: ${JSON.stringify(answers)}`);
});
