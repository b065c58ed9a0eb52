// The examples of clients, in examples/clients, against the real program.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { inWords, parse } from "../../examples/clients/chat.mjs";
import { FlashPage, RUFFLE } from "./flash-page.js";
import { eventually, launchBrowser, RawClient, startServer } from "./support.js";

const EXAMPLES = fileURLToPath(new URL("../../examples/clients/", import.meta.url));
const run = promisify(execFile);

test("the client in JavaScript reads answers", () => {
    assert.deepEqual(parse('<msg aid="a" time="10:00:00" msg="&lt;b&gt; &amp;amp; &#x41;&#66;&quot;" from="b" />'), {
        kind: "msg", aid: "a", time: "10:00:00", msg: '<b> &amp; AB"', from: "b",
    });
    const list = parse('<nicklist><nick aid="a" name="A" /><nick aid="b" name="B" /></nicklist>');
    assert.deepEqual(list.people.map(({ name }) => name), ["A", "B"]);
    assert.deepEqual(parse("junk"), { kind: "unknown" });
    for (const [answer, words] of [
        ['<msg room="#tea" aid="a" time="10:00:00" msg="hi" />', "10:00:00 a to #tea: hi"],
        ['<action aid="a" time="10:00:00" msg="waves" from="b" />', "10:00:00 to b: a waves"],
        ['<part room="#tea" aid="a" by="b" reason="Out!" />', "b removed a from #tea: Out!"],
        ['<room name="#tea" topic="" owner="a" seats="0" max="0" n="0"><nick aid="a" name="A" /><var key="k" value="v" n="1" /></room>', "In #tea: A."],
        ['<rooms><room name="#tea" topic="" here="3" seats="0" taken="0" max="0" /></rooms>', "#tea has 3 members."],
        ["<rooms></rooms>", "There are no rooms."],
        ["<later />", "later"],
    ]) {
        assert.equal(inWords(parse(answer)), words);
    }
});

test("the client in JavaScript chats", async (t) => {
    const server = await startServer();
    t.after(() => server.remove());
    // Node 20 has WebSockets behind this option; later releases have them without.
    const options = ["--experimental-websocket", `${EXAMPLES}chat.mjs`];
    const client = spawn(process.execPath, [...options, `ws://127.0.0.1:${server.port}/`, "1", "secret1"]);
    let shown = "";
    client.stdout.setEncoding("utf8").on("data", (text) => (shown += text));
    const shows = (line) => eventually(line, () => shown.split("\n").some((text) => text.includes(line)));
    await shows("You are Alice.");
    const bob = await RawClient.connect(server.port, 2, "secret2");
    await shows("Bob is online.");
    bob.send("MSG alice <b>Hello</b> & 'so' \u0171");
    await shows("bob to alice: <b>Hello</b> & 'so' \u0171");
    client.stdin.write("MSG bob From Node\n");
    assert.match(await bob.until(/^<msg aid="alice"/), /msg="From Node" from="bob"/);
    client.stdin.write("JOIN #tea\n");
    await shows("In #tea: Alice.");
    bob.send("JOIN #tea");
    await shows("Bob joined #tea.");
    bob.send("MSG #tea Hello, room");
    await shows("bob to #tea: Hello, room");
    client.stdin.end();
    await once(client, "exit");
    await shows("The connection is closed.");
    await bob.close();
});

const haxe = await run("haxe", ["--version"]).then(() => true, () => false);
const skip = RUFFLE === undefined ? "the package @ruffle-rs/ruffle is not installed" : !haxe && "haxe is not installed";

test("the client in Haxe chats, in Ruffle", { skip }, async (t) => {
    const prepare = async (home) => {
        // In the place of the built-in movie, whose page plays it.
        const folder = path.join(home, "site", "flash");
        await mkdir(folder, { recursive: true });
        await run("haxe", ["--main", "Chat", "--swf", path.join(folder, "chat.swf"), "--swf-version", "11"], { cwd: EXAMPLES });
    };
    const server = await startServer({ args: ["--site", "site", "--ruffle", RUFFLE], prepare });
    t.after(() => server.remove());
    const bob = await RawClient.connect(server.port, 2, "secret2");
    const browser = await launchBrowser();
    t.after(() => browser.close());
    const flash = await FlashPage.open(t, browser, server);
    await bob.until(/^<login aid="alice"/);
    bob.send("MSG alice Hello");
    await bob.until(/^<msg aid="bob"/);
    await flash.screenshot("client-haxe");
    // Before the server ends: the movie may still have a LIST to send.
    await flash.page.close();
    await bob.close();
});
