/**
 * Bytes with descriptors, over a Unix socket: recvmsg(2), sendmsg(2), SCM_RIGHTS and SCM_CREDENTIALS of unix(7).
 *
 * Limits: the structs are those of 64-bit Linux. The calls are synchronous and never wait, so one struct
 * serves for all messages. At most 12 descriptors are taken with one message; OpenSSH sends one. There is room
 * for all that a message can have: the kernel closes the rest in this thread, for as long as SO_LINGER says.
 */
import { addressOf, define, failedWith } from "./binding.ts";
import { closeDescriptors } from "./descriptors.ts";
import { SOL_SOCKET } from "./sockets.ts";

const recvmsg = define("long recvmsg(int fd, uint8_t *message, int flags)");
const sendmsg = define("long sendmsg(int fd, uint8_t *message, int flags)");

const SCM_RIGHTS = 1;
const SCM_CREDENTIALS = 2;
/** net/scm.h */
const SCM_MAX_FD = 253;
const MAX_DESCRIPTORS = 12;
const MSG_CTRUNC = 0x8;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;

/** struct msghdr, and where its fields are. */
const message = Buffer.allocUnsafeSlow(56);
const VECTOR = 16;
const VECTOR_COUNT = 24;
const CONTROL = 32;
const CONTROL_LENGTH = 40;
const FLAGS = 48;
/** struct iovec */
const vector = Buffer.allocUnsafeSlow(16);
/** struct cmsghdr, with what follows it. */
const control = Buffer.allocUnsafeSlow(32 + 16 + 4 * SCM_MAX_FD + 4);
const CONTROL_HEADER = 16;
const received = Buffer.allocUnsafeSlow(64 * 1024);
const receivedAddress = addressOf(received);

function prepare(bytes: bigint, length: number, controlLength: number): void {
  vector.writeBigUInt64LE(bytes, 0);
  vector.writeBigUInt64LE(BigInt(length), 8);
  message.fill(0);
  message.writeBigUInt64LE(addressOf(vector), VECTOR);
  message.writeBigUInt64LE(1n, VECTOR_COUNT);
  message.writeBigUInt64LE(controlLength === 0 ? 0n : addressOf(control), CONTROL);
  message.writeBigUInt64LE(BigInt(controlLength), CONTROL_LENGTH);
}

export interface Received {
  bytes: Buffer;
  /** Passed along with the bytes; the caller's to close. */
  descriptors: number[];
  /** The pid of the process that wrote them, where the kernel was told to say so (tellSender()). */
  sender?: number;
}

/**
 * Reads what is there, with the descriptors that came with it.
 * @returns "empty" if there is nothing yet, "end" at the end of the stream and for an error
 */
export function receiveMessage(fd: number): Received | "empty" | "end" {
  prepare(receivedAddress, received.length, control.length);
  const length = recvmsg(fd, message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0) return isTransient() ? "empty" : "end";
  const descriptors = receivedNumbers(SCM_RIGHTS);
  // cut: no more numbers were left for descriptors, and which bytes they belonged to can't be said any more.
  // Nobody means well by that, nor by so many.
  const isCut = (message.readInt32LE(FLAGS) & MSG_CTRUNC) !== 0;
  if (length === 0 || isCut || descriptors.length > MAX_DESCRIPTORS) {
    closeDescriptors(descriptors);
    return "end";
  }
  const [sender] = receivedNumbers(SCM_CREDENTIALS);
  const bytes = Buffer.from(received.subarray(0, length));
  return { bytes, descriptors, ...(sender !== undefined && { sender }) };
}

/** CMSG_NXTHDR() and CMSG_DATA() of cmsg(3). */
function receivedNumbers(type: number): number[] {
  const total = Number(message.readBigUInt64LE(CONTROL_LENGTH));
  const numbers: number[] = [];
  for (let at = 0; at + CONTROL_HEADER <= total; ) {
    const length = Number(control.readBigUInt64LE(at));
    if (length < CONTROL_HEADER) break;
    const isOne = control.readInt32LE(at + 8) === SOL_SOCKET && control.readInt32LE(at + 12) === type;
    for (let value = at + CONTROL_HEADER; isOne && value + 4 <= at + length; value += 4)
      numbers.push(control.readInt32LE(value));
    at += (length + 7) & ~7;
  }
  return numbers;
}

/**
 * Writes as much as goes without waiting, with a descriptor if there is one.
 * @param bytes at least one
 * @returns how many bytes went; "full" if none could; "end" if nobody reads any more
 */
export function sendMessage(fd: number, bytes: Buffer, descriptor?: number): number | "full" | "end" {
  if (descriptor !== undefined) {
    control.writeBigUInt64LE(BigInt(CONTROL_HEADER + 4), 0);
    control.writeInt32LE(SOL_SOCKET, 8);
    control.writeInt32LE(SCM_RIGHTS, 12);
    control.writeInt32LE(descriptor, CONTROL_HEADER);
  }
  prepare(addressOf(bytes), bytes.length, descriptor === undefined ? 0 : CONTROL_HEADER + 8);
  const length = sendmsg(fd, message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (length >= 0) return length;
  return isTransient() ? "full" : "end";
}

function isTransient(): boolean {
  return failedWith("EAGAIN", "EINTR");
}
