package chat;

import chat.Command;
import chat.Rooms.Entry;
import chat.Row.Mark;
import flash.Lib;
import flash.display.Sprite;
import flash.text.TextField;

/** The chat: what was said, who is online, the rooms, and a line to write in. */
class ChatView extends Sprite {
	public var me(default, null):Person;

	final transcript:Transcript;
	/** Everyone online. */
	final people:People;
	/** Those in the room that is looked at, in the same place. */
	final members:People;
	final rooms:Rooms;
	final line:Field;
	final to:TextField;
	final button:Button;
	final part:Button;
	final send:String->Void;
	final again:Void->Void;
	final out:Void->Void;
	var here = false;
	/** Where the line goes: a nick or a room. Only the member's own choice changes it; null for nowhere. */
	var target:String;
	/** The room that is looked at; null for everyone. */
	var viewed:Chatroom;
	/** The rooms that we are in. */
	var inside:Array<Chatroom> = [];
	/** The rooms of the server, as last listed. */
	var all:Array<Chatroom> = [];
	/** The room whose state comes next, because we have joined it. */
	var entering:String;
	/** Rooms that we were in when the connection was lost. */
	var lostRooms:Array<String> = [];
	/** The first list of people has come: a state before it is of a room that we never left. */
	var settled = false;
	/** The rooms were asked for to be shown in words. */
	var listing = false;
	/** When the rooms were asked for. */
	var askedAt = 0;
	/** Nicks of the people who were here when the connection was lost. */
	var before:Array<String> = [];
	/** Until then their return is no news: the server may have cut them off, too. */
	var quietUntil = 0;

	public function new(send:String->Void, again:Void->Void, out:Void->Void) {
		super();
		this.send = send;
		this.again = again;
		this.out = out;
		Look.box(graphics, 0, 0, Look.WIDTH, Look.HEIGHT, 0, 0xF8F5EF, 0xDDD6CA);
		transcript = place(new Transcript(440, TALL), 10, TOP);
		// Who clicks a name goes on to type, and must not have to click a second time for it.
		people = place(new People(170, TALL, retitle, choose, () -> line.take()), 460, TOP);
		members = place(new People(170, TALL, retitle, choose, () -> line.take()), 460, TOP);
		people.tabIndex = members.tabIndex = 30;
		rooms = place(new Rooms(170, TALL - PEOPLE_TALL - 8, act, refresh), 460, TOP + PEOPLE_TALL + 8);
		rooms.tabIndex = 35;
		to = Look.label("", 12, 353, 366, 12, Look.QUIET);
		addChild(to);
		part = place(new Button("Leave", 64, 22, () -> {
			send("PART " + target);
			// The button goes with the room; the keyboard must not.
			line.take();
		}), 386, 351);
		part.tabIndex = 36;
		line = place(new Field(520, 10, LONGEST, submit), 10, 378);
		button = place(new Button("Send", 90, 28, submit), 540, 377);
		button.tabIndex = 20;
	}

	/** Whether this member was here before, and has not logged out. */
	public function remembers(who:Person):Bool {
		return me != null && me.aid == who.aid;
	}

	/** After a log-out, the next member gets an empty chat. */
	public function forget() {
		me = null;
	}

	public function enter(me:Person, again:Bool, hasRooms:Bool) {
		this.me = me;
		here = true;
		settled = false;
		inside = [];
		all = [];
		viewed = null;
		entering = null;
		if (again) {
			note("You are back.");
			quietUntil = Lib.getTimer() + ALL_BACK_AFTER;
		} else {
			transcript.clear();
			people.clear();
			members.clear();
			line.text = "";
			target = null;
			lostRooms = [];
			note("Welcome, " + me.label() + ".");
			if (hasRooms) {
				note("Click a room to enter it. /join #NAME creates one, and /help shows more.");
			}
		}
		rooms.visible = hasRooms;
		people.resize(hasRooms ? PEOPLE_TALL : TALL);
		members.resize(hasRooms ? PEOPLE_TALL : TALL);
		button.say("Send");
		button.enable(true);
		line.enable(true);
		redraw();
		line.take();
	}

	/** The connection is gone, or could not be made again; the button, which says `wayBack`, calls `again`. */
	public function lost(reason:String, wayBack:String) {
		if (here) {
			before = people.nicks();
			lostRooms = [for (room in inside) room.name];
		}
		here = false;
		inside = [];
		all = [];
		viewed = null;
		complain(reason);
		line.enable(false);
		button.say(wayBack);
		button.enable(true);
		people.fill([]);
		redraw();
		stage.focus = button;
	}

	public function failed(reason:String) {
		complain(reason);
	}

	public function listed(everyone:Array<Person>) {
		people.fill(everyone);
		if (!settled) {
			settled = true;
			lostRooms = lostRooms.filter(room -> find(room) == null);
			for (room in lostRooms) {
				send("JOIN " + room);
			}
			refresh();
		}
	}

	public function came(who:Person) {
		people.add(who);
		if (!before.remove(who.aid) || Lib.getTimer() > quietUntil) {
			note(who.label() + " has come.");
		}
	}

	public function left(aid:String) {
		note(labelOf(aid) + " has left.");
		people.remove(aid);
	}

	/** Shows a message. It never changes whom the line is for: that is the member's own choice. */
	public function said(message:Message) {
		final mine = message.sender == me.aid;
		final room = message.room == null ? "" : message.room + " ";
		final to = mine ? "you to " + (message.room == null ? message.recipient : message.room) + ": " : room;
		final who = message.action ? to + message.sender + " " : mine ? to : to + message.sender + ": ";
		transcript.add("[" + message.time + "] " + who, mine ? Look.TEAL : Look.OTHER, message.text, Look.INK);
	}

	public function happened(event:RoomEvent) {
		switch (event) {
			case Renamed(old, to):
				renamed(old, to);
			case Joined(room, who) if (who.aid == me.aid):
				entering = room;
			case Joined(room, who):
				note(who.label() + " has joined " + room + ".");
				change(room, there -> there.add(who));
			case Parted(room, aid, by, reason):
				parted(room, aid, by, reason == "" ? "." : ": " + reason);
			case Owned(room, aid):
				note(aid == me.aid ? "You own " + room + " now." : labelOf(aid) + " owns " + room + " now.");
				change(room, there -> there.owner = aid);
			case TopicSet(room, aid, topic):
				final who = aid == me.aid ? "You have" : labelOf(aid) + " has";
				note(topic == "" ? who + " removed the topic of " + room + "." : who + " set the topic of " + room + ": " + topic);
				change(room, there -> there.topic = topic);
			case State(room):
				state(room);
			case RoomsListed(list):
				all = list;
				if (listing) {
					listing = false;
					final words = [for (room in list) room.name + " (" + room.count() + ")"];
					note(words.length == 0 ? "There are no rooms. Type /join #NAME to create one." : "Rooms: " + words.join(", "));
				}
		}
		redraw();
	}

	function renamed(old:String, to:String) {
		if (old == me.aid) {
			note("You are called " + to + " now.");
			me = me.renamed(to);
		} else {
			note(labelOf(old) + " is called " + to + " now.");
		}
		people.rename(old, to);
		members.rename(old, to);
		for (room in inside) {
			room.rename(old, to);
		}
		// What was meant for that person goes there still.
		if (target == old) {
			target = to;
		}
	}

	function parted(room:String, aid:String, by:String, why:String) {
		if (aid != me.aid) {
			final who = by == me.aid ? "You have" : labelOf(by) + " has";
			note(by == null ? labelOf(aid) + " has left " + room + "." : who + " removed " + labelOf(aid) + " from " + room + why);
			change(room, there -> there.remove(aid));
			return;
		}
		if (by == null) {
			note("You have left " + room + ".");
		} else {
			complain(labelOf(by) + " has removed you from " + room + why);
		}
		inside = inside.filter(there -> there.name != room);
		viewed = viewed != null && viewed.name == room ? null : viewed;
		// The line goes nowhere then, and to nobody else instead.
		choose(target == room ? null : target);
	}

	function state(room:Chatroom) {
		final known = find(room.name) != null;
		if (known) {
			inside = inside.map(there -> there.name == room.name ? room : there);
		}
		final joined = entering == room.name;
		if (joined || !settled) {
			entering = null;
			note("You are in " + room.name + " now.");
			if (!known) {
				inside.push(room);
			}
		}
		if (viewed != null && viewed.name == room.name) {
			viewed = room;
		}
		if (room.topic != "") {
			note("Topic of " + room.name + ": " + room.topic);
		}
		note(room.inWords());
		if (joined && !lostRooms.remove(room.name)) {
			act(room.name);
		} else if (viewed == room || (known && target == room.name)) {
			look(room);
		}
	}

	/** What a click on a room does. */
	function act(room:String) {
		final there = find(room);
		if (room != null && there == null) {
			send("JOIN " + room);
			return;
		}
		look(there);
		choose(there == null && Command.isRoom(target) ? null : there == null ? target : room);
		line.take();
	}

	/** Shows who is in a room, or with null everyone. */
	function look(room:Chatroom) {
		viewed = room;
		if (room != null) {
			members.look(room);
		}
		redraw();
	}

	/** Asks for the rooms, but not again and again. */
	function refresh() {
		if (here && settled && rooms.visible && (askedAt == 0 || Lib.getTimer() > askedAt + ROOMS_AFTER)) {
			askedAt = Lib.getTimer();
			send("ROOMS");
		}
	}

	function change(name:String, how:Chatroom->Void) {
		final room = find(name);
		if (room != null) {
			how(room);
			if (viewed == room) {
				members.look(room);
			}
		}
	}

	function find(room:String):Chatroom {
		return Lambda.find(inside, there -> there.name == room);
	}

	function labelOf(aid:String):String {
		final label = people.labelOf(aid);
		return label == aid ? members.labelOf(aid) : label;
	}

	function note(text:String) {
		transcript.add("", Look.QUIET, text, Look.QUIET);
	}

	function complain(text:String) {
		transcript.add("", Look.RED, text, Look.RED);
	}

	function submit() {
		if (!here) {
			button.enable(false);
			note("Connecting…");
			again();
		} else if (carryOut(Command.read(line.text, current()))) {
			line.text = "";
			line.take();
		}
	}

	/** The room that a command means: the one we write to, else the one that is looked at. */
	function current():String {
		return Command.isRoom(target) ? target : viewed == null ? null : viewed.name;
	}

	/** Whether there was something to do, and it is done. */
	function carryOut(typed:Typed):Bool {
		switch (typed) {
			case Say(text):
				return message("MSG", text);
			case Act(text):
				return message("ME", text);
			case Write(to, text):
				choose(to);
				send("MSG " + to + " " + text);
			case Send(command):
				listing = listing || command == "ROOMS";
				send(command);
			case ShowTopic:
				final room = find(current());
				note(room == null || room.topic == "" ? current() + " has no topic." : "Topic of " + current() + ": " + room.topic);
			case ShowHelp:
				for (text in Command.HELP) {
					note(text);
				}
			case Leave:
				out();
			case Advice(text):
				complain(text);
				return false;
		}
		return true;
	}

	function message(command:String, text:String):Bool {
		if (target == null) {
			complain(rooms.visible ? "Choose whom to write to: click a name or a room." : "Choose whom to write to: click a name.");
		} else if (Command.isRoom(target) && find(target) == null) {
			complain("Not sent: you are not in " + target + ". Click a name or a room to write there.");
		} else if (!Command.isRoom(target) && !people.isOnline(target) && !members.isOnline(target)) {
			complain("Not sent: " + labelOf(target) + " has left. Click a name to write to someone else.");
		} else if (text != "") {
			send(command + " " + target + " " + text);
			return true;
		}
		return false;
	}

	/** Chooses where the line goes. */
	function choose(target:String) {
		this.target = target;
		redraw();
	}

	function redraw() {
		final nick = Command.isRoom(target) ? null : target;
		people.choose(nick);
		members.choose(nick);
		members.visible = viewed != null;
		people.visible = viewed == null;
		rooms.show(entries());
		retitle();
	}

	/** People come and go too often to draw the rooms again each time. */
	function retitle() {
		part.visible = here && find(target) != null;
		to.text = destination();
	}

	function entries():Array<Entry> {
		final entries:Array<Entry> = [{room: null, text: "Everyone", mark: Everyone, chosen: false}];
		for (room in inside) {
			entries.push({room: room.name, text: room.name + " (" + room.count() + ")", mark: Inside, chosen: room.name == target});
		}
		for (room in all) {
			if (find(room.name) == null) {
				entries.push({room: room.name, text: room.name + " (" + room.count() + ")", mark: Outside, chosen: false});
			}
		}
		return entries;
	}

	function destination():String {
		final room = find(target);
		return if (!here) {
			"Not connected";
		} else if (target == null) {
			rooms.visible ? "Click a name or a room to write there." : "Click a name to write to someone.";
		} else if (room != null) {
			"To: " + room.name + (room.topic == "" ? "" : ": " + room.topic);
		} else if (Command.isRoom(target)) {
			"To: " + target + ", which you are not in";
		} else {
			"To: " + labelOf(target) + (people.isOnline(target) || members.isOnline(target) ? "" : ", who has left");
		}
	}

	function place<T:Sprite>(what:T, x:Float, y:Float):T {
		what.x = x;
		what.y = y;
		addChild(what);
		return what;
	}

	/** Characters; at three or four bytes each they fit the 8,192 bytes of a command. */
	static inline final LONGEST = 2000;

	/** Milliseconds after which everybody is back who waits for a server that restarts. */
	static inline final ALL_BACK_AFTER = 60000;

	/** Milliseconds for which a list of rooms is new enough. */
	static inline final ROOMS_AFTER = 5000;

	static inline final TOP = 56;
	static inline final TALL = 290;

	/** The list of people above the rooms: six rows. */
	static inline final PEOPLE_TALL = 172;
}
