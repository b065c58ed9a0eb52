// What the server says when it refuses something, in the visitor's language.

import { Refused } from "./pending.js";
import { say } from "./words.js";

const KNOWN = {
    "Guests are not let in.": "err_guests",
    "Message too long.": "tooLongMessage",
    "Nick is not allowed.": "err_nick",
    "Nick is taken.": "err_nickTaken",
    "Nicks cannot be changed here.": "err_nicksFixed",
    "No such room.": "err_noRoom",
    "Only the owner may do that.": "err_owner",
    "Please try again later.": "err_later",
    "Room exists already.": "err_roomExists",
    "Room is full.": "err_roomFull",
    "Room name is not allowed.": "err_roomName",
    "Too many rooms.": "err_tooMany",
    "User is already left.": "err_left",
    "Wrong key.": "err_key",
    "You are not in that room.": "notInRoom",
    "You may not do that.": "err_mayNot",
    "You were kicked from that room.": "err_kicked",
};

/** Translates an error text of the server. A text that this page does not know is shown unchanged. */
export function translated(text) {
    return Object.hasOwn(KNOWN, text) ? say(KNOWN[text]) : text;
}

/** Why a command failed: the server's error, or a lost connection. */
export function explain(error) {
    if (!(error instanceof Refused)) {
        // A fault of the page itself is thrown on, to the browser's console.
        throw error;
    }
    return error.text === null ? say("notSent") : translated(error.text);
}
