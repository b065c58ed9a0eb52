package chat;

/** What happens in rooms, and to nicks. Each is one element on the wire. */
enum RoomEvent {
	/** A member, or we ourselves, have another nick. */
	Renamed(old:String, to:String);

	Joined(room:String, who:Person);

	/** `by` is who has removed that member; null where the member left. */
	Parted(room:String, aid:String, by:String, reason:String);

	Owned(room:String, aid:String);
	TopicSet(room:String, aid:String, topic:String);

	/** All of a room: after we have joined it, or asked for it. */
	State(room:Chatroom);

	/** The rooms that the server shows; their members are only counted. */
	RoomsListed(rooms:Array<Chatroom>);
}
