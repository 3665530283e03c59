/** For which repository a ride signs: what git claims is shown, and narrows what is allowed. */
import { beforeAll, expect, it } from "vitest";
import { ended, until } from "../../../lab/lab.ts";
import { OpenLab } from "../../../lab/open-lab.ts";
import { opened, QUEUE } from "../opened.ts";
import { describeWith } from "../tools.ts";
import { GIT, prepareSigning } from "./signing-lab.ts";

describeWith(["ssh", "sshd", "git"], "a ride that signs for a repository", () => {
  const lab = opened(new OpenLab(), 'default = "ask"\n', QUEUE);
  const pub = lab.path("me@laptop.pub");
  beforeAll(() => prepareSigning(lab));

  it("shows for which repository and branch git asks, and an approval is none for another", async () => {
    const remote = "ssh://git@host.example/me/app";
    const commit = "git commit -q -S --allow-empty -m";
    const lines = `${GIT} git -C app remote add origin ${remote}; git init -q "oth\u001b[2Jer"
      cd app; ${commit} a; ${commit} b; cd ../oth*; ${commit} c`;
    const ride = lab.startRide(lines);
    const done = ended(ride);
    const [asked] = await lab.pending();
    expect(asked?.request).toMatchObject({ repository: lab.path("app"), branch: "main", remote });
    const { stdout } = await lab.muxguard("pending");
    expect(stdout).toContain(
      `git claims: repository "${lab.path("app")}", branch "main", remote "${remote}"`,
    );
    await lab.muxguard("approve", asked?.id ?? "", "--for", "10m");
    // that covers the second, and not the one in another repository
    const isOther = async () => (await lab.pending())[0]?.request.repository !== lab.path("app");
    await until(isOther, "a question about the other repository");
    const [other] = await lab.pending();
    expect(other?.request.repository).toBe(lab.path("oth\u001b[2Jer"));
    expect((await lab.muxguard("pending")).stdout).toContain("oth\\x1b[2Jer");
    await lab.muxguard("deny", other?.id ?? "");
    await done;
    const of = (name: string) => lab.log().filter(({ repository }) => repository === lab.path(name));
    expect(
      of("app")
        .map(({ decision }) => decision)
        .slice(-2),
    ).toEqual(["allow", "allow"]);
    expect(of("oth\u001b[2Jer").map(({ decision }) => decision)).toEqual(["deny"]);
  });

  it("is allowed what a rule names, by repository and branch", async () => {
    const named = `[[rule]]\nnamespace = "git"\nrepository = "${lab.path("app")}"\nbranch = "main"`;
    lab.policy(`default = "deny"\n${named}\naction = "allow"\n`);
    const commit = "git commit -q -S --allow-empty -m x; echo $?";
    const line = `${GIT} git init -q third; cd third; ${commit}; cd ../app; ${commit}
      git worktree add -q ../wt -b next; cd ../wt; ${commit}; git checkout -q --detach; ${commit}
      git -C ../app rebase -q --force-rebase -S --root; echo "rebase $?"`;
    const { stdout } = await lab.ride(line);
    expect(stdout).toBe("128\n0\n128\n128\nrebase 0\n");
  });

  it("is asked about a denied repository, whatever git claims, and gets nothing by a FIFO that is no file", async () => {
    const prod = `[[rule]]\nname = "no prod"\nrepository = "/srv/prod"\naction = "deny"\n`;
    lab.policy(`default = "deny"\n${prod}[[rule]]\nnamespace = "git"\naction = "allow"\n`);
    const line = `mkdir -p odd/.git; mkfifo odd/.git/HEAD; cd odd; echo x > x; cp "$(command -v perl)" git
      ./git -e 'system("ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", q(${pub}), "x")'`;
    const ride = lab.startRide(line);
    const done = ended(ride);
    const [asked] = await lab.pending();
    expect(asked?.request).not.toHaveProperty("repository");
    expect(asked?.doubt).toMatchObject({ rule: "no prod", action: "deny" });
    await lab.muxguard("deny", asked?.id ?? "");
    await done;
  });
});
