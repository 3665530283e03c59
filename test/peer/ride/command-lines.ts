/** Command lines of ssh, as programs say them and as nobody does. */
import fc from "fast-check";

/** Of ssh(1) by hand, and of what starts it. */
export const usualLines: string[][] = [
  ["h"],
  ["h", "true"],
  ["deploy@h.example", "-p", "2222", "uptime"],
  ["-tt", "-l", "root", "h", "--", "sudo", "-v"],
  ["-p2222", "-lroot", "h", "echo 'it'\"'\"'s'", ""],
  ["-4Cqx", "-i", "~/.ssh/id", "-F", "/dev/null", "h", "-A", "true", "-N"],
  ["-J", "jump,me@other:22", "h", "true"],
  ["-oProxyJump=none", "h"],
  ["-W", "inner:22", "jump"],
  ["-L", "8080:localhost:80", "-R", "9:localhost:9", "-D", "1080", "-f", "h", "sleep", "9"],
  ["::1", "true"],
  // git and rsync
  ["-o", "SendEnv=GIT_PROTOCOL", "git@h", "git-upload-pack 'a/b.git'"],
  ["-p", "22", "git@h", "git-receive-pack '~/a b.git'"],
  ["-l", "me", "h", "rsync", "--server", "-te.LsfxCIvu", ".", "dest"],
  // scp and sftp
  [
    "-x",
    "-oPermitLocalCommand=no",
    "-oClearAllForwardings=yes",
    "-oRemoteCommand=none",
    "-oRequestTTY=no",
  ].concat(["-oForwardAgent=no", "-l", "me", "-p", "22", "-s", "--", "h", "sftp"]),
  [
    "-oForwardX11 no",
    "-oPermitLocalCommand no",
    "-oClearAllForwardings yes",
    "-oForwardAgent no",
    "-s",
    "h",
    "sftp",
  ],
  // Ansible
  [
    "-C",
    "-o",
    "ControlMaster=auto",
    "-o",
    "ControlPersist=60s",
    "-o",
    'IdentityFile="/home/me/.ssh/id"',
  ].concat(
    ["-o", "KbdInteractiveAuthentication=no", "-o", "PasswordAuthentication=no", "-o", 'User="deploy"'],
    ["-o", "PreferredAuthentications=gssapi-with-mic,gssapi-keyex,hostbased,publickey", "-o", "Port=2222"],
    [
      "-o",
      "ConnectTimeout=10",
      "-o",
      "StrictHostKeyChecking=no",
      "-o",
      'ControlPath="/home/me/.ansible/cp/1a2b"',
    ],
    ["h", "/bin/sh -c 'echo ~deploy && sleep 0'"],
  ),
];

/** Where the program says why not, or has more to do than to become a mux client. */
export const refusedLines: string[][] = [
  [],
  ["-l", "me"],
  ["-M", "h"],
  ["-1", "h"],
  ["-P", "tag", "h"],
  ["-Z", "h"],
  ["-w", "0:0", "h"],
  ["-O", "proxy", "h"],
  ["-O", "exit", "h"],
  ["-N", "-L", "1:localhost:1", "h"],
  ["-fNL1:localhost:1", "h"],
  ["-o", "SessionType=none", "h"],
  ["-osessiontype none", "h"],
  ["-V"],
  ["-Q", "key"],
  ["-G", "h"],
  ["-Y", "-j", "h"],
  ["-o", "ControlMaster=yes", "h"],
  ["-o", "ControlMaster ask", "h"],
  ["-o", "CONTROLMASTER=autoask", "h"],
  ["-o", "HostName=other", "h"],
  ["-ohostname other", "h"],
  ["-oTunnel=yes", "h"],
  ["-oUser=a b", "h"],
  ["-oUser", "h"],
  ["-o", "User=", "h"],
  ["-oPort=0", "h"],
  ["-p", "99999", "h"],
  ["-p", "ssh", "h"],
  ["-l", "$(id)", "h"],
  ["-l", "-x", "h"],
  ["-l", "", "h"],
  ["-J", "a;id", "h"],
  ["-J", "-oProxyCommand=id", "h"],
  ["-J", "a", "-J", "b", "h"],
  ["-oProxyJump=a b", "h"],
  ["a;id"],
  ["$(id)"],
  ["--", "-oProxyCommand=id"],
  ["@h"],
  ["../../etc"],
  [".."],
  ["-"],
  ["ssh://h/path"],
];

/** The usual ones, and for one in ten an odd one. Separated by "¦". */
function words(usual: string, odd: string): fc.Arbitrary<string> {
  const [some, others] = [usual, odd].map((list) => fc.constantFrom(...list.split("¦")));
  if (!some || !others) return fc.constant(usual);
  return fc.oneof({ weight: 9, arbitrary: some }, { weight: 1, arbitrary: others });
}

const hosts = words("h¦h.example¦a-b¦me@h¦::1", "a@b@h¦%h¦ssh://me@h:22¦-h¦-¦h;id¦¦é¦../h");
const users = words("me¦root¦a.b", "a@b¦-x¦.a¦--¦¦it's¦$(id)");
const ports = words("22¦2222", "022¦0¦99999¦ssh¦22 ¦--");
const jumps = words("j¦j,k¦me@j:22¦none", "NONE¦j:022¦[::1]:22¦ssh://j¦j;id¦-j");
const free = words('a¦1:localhost:2¦x y¦$(id)¦`id`¦"q"¦a\nb¦\\¦*¦~¦é', "it's¦¦-¦--");
const names = words(
  "User¦Port¦ProxyJump¦ControlMaster¦ControlPath¦ControlPersist¦SendEnv¦SetEnv¦ForwardAgent¦ForwardX11¦" +
    "ForwardX11Trusted¦LocalForward¦RemoteForward¦DynamicForward¦RemoteCommand¦LogLevel¦RequestTTY¦BatchMode¦" +
    "ClearAllForwardings¦ConnectTimeout¦ConnectionAttempts¦EscapeChar¦StdinNull¦ExitOnForwardFailure¦" +
    "ServerAliveInterval¦ServerAliveCountMax¦TCPKeepAlive¦StrictHostKeyChecking¦UserKnownHostsFile¦IdentityFile¦" +
    "ProxyCommand¦user¦port¦proxyjump¦controlmaster",
  "HostName¦Tunnel¦SessionType¦ForkAfterAuthentication¦Tag¦Include¦Match¦hostname¦KeepAlive¦PORT¦User\n¦é",
);
const separators = words("=¦ ", "  ¦ = ¦\t¦¦==");
const values = words('no¦auto¦none¦22¦me¦"me"¦a b¦a,b', "yes¦'me'¦ a¦a ¦=a¦#a¦¦it's¦\"a¦a\"¦a=b");
const line = fc
  .tuple(names, separators, fc.oneof({ weight: 4, arbitrary: values }, jumps))
  .map((parts) => parts.join(""));

/** An option with an argument, in a word of its own or not, behind flags or not. */
function option(letters: string, argument: fc.Arbitrary<string>): fc.Arbitrary<string[]> {
  const cluster = fc.tuple(words("", "t¦4q"), fc.constantFrom(...letters));
  return fc
    .tuple(cluster, argument, fc.boolean())
    .map(([[flags, letter], text, isApart]) =>
      isApart ? [`-${flags}${letter}`, text] : [`-${flags}${letter}${text}`],
    );
}

const flags = fc.constantFrom(..."246ACKTXYafgknqstxy");
const options: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 5, arbitrary: flags.map((letter) => [`-${letter}`]) },
  { weight: 2, arbitrary: option("l", users) },
  { weight: 2, arbitrary: option("p", ports) },
  { weight: 2, arbitrary: option("J", jumps) },
  { weight: 4, arbitrary: option("DELRWeBFIScim", free) },
  { weight: 8, arbitrary: option("o", line) },
  { weight: 1, arbitrary: words("-tt¦-fq", "-v¦-N¦-M¦-G¦-1¦-Z¦-é¦--").map((word) => [word]) },
  { weight: 1, arbitrary: fc.string({ maxLength: 6 }).map((word) => [`-${word}`]) },
);

export const commandLines: fc.Arbitrary<string[]> = fc
  .tuple(
    fc.array(options, { maxLength: 3 }),
    hosts,
    fc.array(options, { maxLength: 2 }),
    fc.array(fc.oneof(free, fc.constantFrom("-t", "true")), { maxLength: 3 }),
  )
  .map(([before, host, after, command]) => [...before.flat(), host, ...after.flat(), ...command]);
