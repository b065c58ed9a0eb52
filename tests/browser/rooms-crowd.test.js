// Rooms of many people, and of people who mean harm.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ChatPage } from "./chat-page.js";
import { eventually, everyoneGone, launchBrowser, RawClient, startServer } from "./support.js";
import { Wire } from "./wire.js";

const MARKUP = "<b>'\"&amp;</b><script>alert(1)</script>";
const MEMBERS = [
    { id: 1, nick: "alice", name: "Alice", password: "secret1" },
    { id: 2, nick: "<i>&quot;", name: "<img src=x onerror=alert(1)>", password: "secret2" },
    { id: 3, nick: "rtl", name: "שלום עולם", password: "secret3" },
    { id: 4, nick: "long", name: "W".repeat(100), password: "secret4" },
];
const ROOMS = ["#<b>&amp;\"'</b>", "#שלום", `#${"W".repeat(31)}`, "#z̸̢̛͎a̵̢͝l̶̡̀", "#{{1+1}}${1}", "#__proto__"];

let browser;
let server;

before(async () => {
    browser = await launchBrowser();
    server = await startServer({ members: MEMBERS, args: ["--rate", "0", "--guests"] });
});

after(async () => {
    await browser?.close();
    await server?.remove();
});

test("names, topics, reasons and texts of rooms never become markup", async (t) => {
    await everyoneGone(server);
    const alice = await ChatPage.open(t, browser, server);
    await alice.arrive("alice", "secret1");
    const owners = [];
    for (const { id, password } of MEMBERS.slice(1)) {
        owners.push(await RawClient.connect(server.port, id, password));
    }
    for (const [at, room] of ROOMS.entries()) {
        const owner = owners[at % owners.length];
        owner.send(`JOIN ${room}`);
        owner.send(`TOPIC ${room} ${MARKUP}\u202e${"x".repeat(150)}`);
        await owner.until(/^<topic /);
    }
    await alice.allRooms();
    await alice.roomRow(ROOMS.at(-1)).waitFor();
    await alice.isAccessible("hostile-rooms");
    for (const [at, room] of ROOMS.entries()) {
        const owner = owners[at % owners.length];
        await alice.joinRoom(room);
        owner.send(`MSG ${room} ${MARKUP}`);
        owner.send(`ME ${room} ${MARKUP}`);
        owner.send(`TOPIC ${room} ${MARKUP}`);
        const { name } = MEMBERS[1 + (at % owners.length)];
        await alice.reads(`< ${MARKUP}`, `< ${name} ${MARKUP}`, `${name} changed the topic to: ${MARKUP}`);
        assert.equal(await alice.person(room).locator("bdi").first().textContent(), room);
        await alice.isAccessible(`hostile-room-${at}`);
        owner.send(`KICK ${room} alice ${MARKUP}`);
        await alice.log.getByText(`Reason: ${MARKUP}`).waitFor();
        assert.equal(await alice.page.locator("#app :is(b, i:not(.x), script, img[src=x])").count(), 0);
        for (const width of [1280, 1000, 320]) {
            await alice.page.setViewportSize({ width, height: 800 });
            const overflow = await alice.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
            assert.equal(overflow, 0, `${room} at ${width}`);
        }
        await alice.page.setViewportSize({ width: 1280, height: 800 });
    }
});

test("a room of 500 people stays quick", async (t) => {
    await everyoneGone(server);
    const alice = await ChatPage.open(t, browser, server);
    await alice.arrive("alice", "secret1");
    const guests = [];
    for (let i = 0; i < 499; i += 1) {
        const guest = await RawClient.connect(server.port);
        guest.send(`GUEST crowd${i}`);
        guest.send("JOIN #stadium");
        guests.push(guest);
    }
    await guests.at(-1).until(/^<room /);
    await alice.joinRoom("#stadium");
    await alice.page.locator("#members-heading").getByText("In this room: 500").waitFor();
    assert.ok((await alice.page.locator(".member").count()) <= 201, "no more rows than are read");
    await alice.page.locator("#members-note").getByText("and 300 more").waitFor();
    await alice.isAccessible("room-500");

    // Everyone says something; then everyone leaves. The page answers within a moment all the while.
    const started = Date.now();
    for (const [at, guest] of guests.entries()) {
        guest.send(`MSG #stadium goal ${at}`);
    }
    const longest = alice.page.evaluate(async () => {
        let worst = 0;
        let last = performance.now();
        for (const end = last + 3000; last < end; ) {
            await new Promise((resolve) => setTimeout(resolve, 0));
            worst = Math.max(worst, performance.now() - last);
            last = performance.now();
        }
        return worst;
    });
    await alice.log.getByText("goal 498").waitFor();
    t.diagnostic(`499 messages shown after ${Date.now() - started} ms, the longest task was ${Math.round(await longest)} ms`);
    assert.ok((await longest) < 1500, `a task took ${await longest} ms`);
    assert.ok((await alice.log.locator(".message, .note").count()) <= 500);
    await alice.say("Goal!");
    await alice.log.locator(".mine.sent").getByText("Goal!").waitFor();
    await RawClient.closeAll();
    await alice.page.locator("#members-heading").getByText("In this room: 1").waitFor();
    await eventually("a bounded log", async () => (await alice.log.locator(".message, .note").count()) <= 500);
    await alice.log.getByText(/^\W*\d+ people left the room\.$/).waitFor();
});

test("a state that was cut counts the people whom it does not list", async (t) => {
    await everyoneGone(server);
    const wire = new Wire();
    const alice = await ChatPage.open(t, browser, server, { wire: wire.attach });
    await alice.arrive("alice", "secret1");
    const listed = Array.from({ length: 200 }, (_, i) => `<nick aid="n${i}" name="Number ${i}" />`).join("");
    wire.say(`<room name="#huge" topic="" owner="n0" seats="0" max="0" n="0" more="19800">${listed}</room>`);
    await alice.person("#huge").click();
    await alice.page.locator("#members-heading").getByText("In this room: 20000").waitFor();
    wire.say('<part room="#huge" aid="somebody" />');
    await alice.page.locator("#members-heading").getByText("In this room: 19999").waitFor();
    wire.say('<join room="#huge" aid="new" name="New" />');
    await alice.page.locator("#members-heading").getByText("In this room: 20000").waitFor();
    await alice.page.getByLabel("Find people in this room").fill("number 199");
    await alice.member("n199").waitFor();
    assert.equal(await alice.page.locator(".member").count(), 1);
    await alice.page.getByLabel("Find people in this room").fill("zzz");
    await alice.page.locator("#members-note").getByText("Nobody found.").waitFor();
    assert.deepEqual(await alice.messages(), [], "nobody in a crowd is noted who has said nothing");
});

test("a list of many rooms is searched, and costs no more than a few rows", async (t) => {
    await everyoneGone(server);
    const wire = new Wire();
    wire.keep = (answer) => {
        if (!answer.startsWith("<rooms>")) {
            return false;
        }
        const rows = Array.from({ length: 4000 }, (_, i) =>
            `<room name="#r${i}" topic="Topic ${i}" here="${i}" seats="0" taken="0" max="0" />`);
        wire.say(`<rooms>${rows.join("")}</rooms>`);
        return true;
    };
    const alice = await ChatPage.open(t, browser, server, { wire: wire.attach });
    await alice.arrive("alice", "secret1");
    await alice.allRooms();
    await alice.page.getByText("And 3800 more: search to find them.").waitFor();
    assert.equal(await alice.page.locator(".room-row").count(), 200);
    await alice.isAccessible("rooms-4000");
    await alice.page.getByLabel("Find rooms").fill("topic 3999");
    await alice.roomRow("#r3999").getByText("3999 people").waitFor();
    assert.equal(await alice.page.locator(".room-row").count(), 1);
});
