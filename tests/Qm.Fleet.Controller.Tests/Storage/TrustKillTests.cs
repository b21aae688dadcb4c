using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;
using Qm.Fleet.Core.Certificates;
using Qm.Fleet.Core.Enrollment;
using Qm.Fleet.Core.Reconcile;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Tests.Storage;

/// <summary>Kills while it is stored who may join, who is none of ours any more, and what is out of reach: the next start has what was before or what was asked for, and what was answered is never lost.</summary>
[Trait("Requirement", "QMF-RULE-1")]
public sealed class TrustKillTests
{
    private const string Key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    private static readonly Origin Ann = new("admin:ann", "192.0.2.1", "");

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact, Trait("Requirement", "QMF-ENROLL-005")]
    public async Task Token_KilledWhileANodeJoinsWithIt_IsUsedWithWhatWasIssuedOrFree()
    {
        using var store = await OpenAsync();
        await TokenAsync(store);

        var (before, after) = await new KilledWrites(store).EverywhereAsync(() => JoinAsync(store, "ecu1", Key), static database =>
            $"{new JoinTokenStore(database).All().Single().Uses} {new EnrollmentStore(database).Key("ecu1")?.Fingerprint} {new EnrollmentStore(database).Waiting("ecu1", DateTimeOffset.MinValue).Count} {Told(database, "NodeEnrolled")}");

        Assert.Equal(("0  1 0", $"1 {Key} 0 1"), (before, after));
        // Used up is used up: the table itself does not let another in.
        await Assert.ThrowsAsync<StoreException>(() => JoinAsync(store, "ecu2", new string('b', 64)));
    }

    [Fact, Trait("Requirement", "QMF-ENROLL-005")]
    public async Task Token_KilledWhileItIsMadeOrEnded_IsThereOrNot()
    {
        using var store = await OpenAsync();
        static string Look(Database database) =>
            $"{string.Join(',', new JoinTokenStore(database).All().Select(static token => $"{token.Name}:{token.MaxUses}:{token.Authorities.Count}"))} {Told(database, "JoinTokenCreated")} {Told(database, "JoinTokenRevoked")}";

        Assert.Equal((" 0 0", "bench:1:1 1 0"), await new KilledWrites(store).EverywhereAsync(() => TokenAsync(store), Look));
        Assert.Equal(("bench:1:1 1 0", " 1 1"), await new KilledWrites(store).EverywhereAsync(() => WriteAsync(store, static tx => JoinTokenStore.Delete(tx, "bench", Ann.Actor)), Look));
    }

    [Fact, Trait("Requirement", "QMF-ENROLL-002")]
    public async Task Enrollment_KilledWhileItIsAskedForOrDecided_WaitsOrIsDecided()
    {
        using var store = await OpenAsync();
        static string Look(Database database) =>
            $"{string.Join(',', new EnrollmentStore(database).Waiting("ecu7", DateTimeOffset.MinValue).Select(static one => $"{one.State} {one.DecidedBy}"))} {Told(database, "EnrollmentRequested")} {Told(database, "EnrollmentApproved")}";

        Assert.Equal((" 1 0", "Pending  2 0"), await new KilledWrites(store).EverywhereAsync(() => WriteAsync(store, static tx => EnrollmentStore.Wait(tx, "ecu7", Key, "192.0.2.7", Ann, "It waits.")), Look));
        Assert.Equal(
            ("Pending  2 0", "Approved admin:ann 2 1"),
            await new KilledWrites(store).EverywhereAsync(() => WriteAsync(store, static tx => EnrollmentStore.Decide(tx, "ecu7", Key, EnrollmentState.Approved, "", Ann.Actor)), Look));
    }

    [Fact, Trait("Requirement", "QMF-PKI-006")]
    public async Task Revocation_KilledWhileItIsStored_IsInForceOrNotAndAfterTheAnswerItIs()
    {
        using var store = await OpenAsync();
        var at = store.Time.GetUtcNow();
        string Look(Database database) => string.Join(',', new CertificateStore(database).Revocations().Select(static one => $"{one.Serial}{one.Subject}").Order(StringComparer.Ordinal));

        Assert.Equal(("", "5f03"), await new KilledWrites(store).EverywhereAsync(() => WriteAsync(store, tx => CertificateStore.Revoke(tx, new("5f03", "", default, "lost", "admin:ann", at))), Look));
        // The rows before go with the one that comes: a kill between them leaves none of it.
        await WriteAsync(store, tx => CertificateStore.Revoke(tx, new("", "node:ecu1", at, "lost", "admin:ann", at)));
        Assert.Equal(
            ($"{at:O}", $"{at.AddMinutes(1):O}"),
            await new KilledWrites(store).EverywhereAsync(
                () => WriteAsync(store, tx => CertificateStore.RevokeSoFar(tx, new("", "node:ecu1", at.AddMinutes(1), "again", "admin:ann", at))),
                static database => $"{new CertificateStore(database).Revocations().Single(static one => one.Subject == "node:ecu1").Until:O}"));
    }

    [Fact, Trait("Requirement", "QMF-PKI-005")]
    public async Task Certificate_KilledWhileItIsNoted_IsKnownWithWhatWasToldOfIt()
    {
        using var store = await OpenAsync();
        CertificateInUse use = new("node:ecu1", "5f03", Key, new(store.Time.GetUtcNow(), store.Time.GetUtcNow().AddDays(1)), store.Time.GetUtcNow());
        CertificateNotice notice = new("5f03", CertificateConcern.Critical, use.Life.Ends, new("CertificateExpiring", EventSeverity.Critical, EventDraft.Controller, "", "ecu1", "", "It ends."));

        Assert.Equal(("0 0 0", "1 1 1"), await new KilledWrites(store).EverywhereAsync(
            () => new CertificateStore(store.Database).NoteAsync([use], [notice], Ct),
            static database => $"{new CertificateStore(database).InUse().Count} {new CertificateStore(database).Notices().Count} {Told(database, "CertificateExpiring")}"));
    }

    [Fact, Trait("Requirement", "QMF-ACCESS-002")]
    public async Task Access_KilledWhileItIsGivenOrTaken_IsGivenWithItsEventOrNot()
    {
        using var store = await OpenAsync();
        var now = store.Time.GetUtcNow();
        static string Look(Database database) =>
            $"{string.Join(',', new AccessStore(database).Load() is var all ? all.Tokens.Select(static token => token.Name).Concat(all.Bindings.Select(static binding => $"{binding.Subject}:{binding.Role}")) : [])} {Told(database, "AccessChanged")}";

        Assert.Equal((" 0", "ci 1"), await new KilledWrites(store).EverywhereAsync(() => WriteAsync(store, tx => AccessStore.Add(tx, new("ci", "id", new byte[32], "viewer", new(), now, now.AddDays(1), "admin:ann"), Ann.Actor)), Look));
        Assert.Equal(("ci 1", "ci,token:ci:operator 2"), await new KilledWrites(store).EverywhereAsync(() => WriteAsync(store, static tx => AccessStore.Apply(tx, new V1.AccessBinding { Name = "more", Subject = "token:ci", Role = "operator" }, Ann.Actor)), Look));
        Assert.Equal(("ci,token:ci:operator 2", "token:ci:operator 3"), await new KilledWrites(store).EverywhereAsync(() => WriteAsync(store, static tx => AccessStore.DeleteToken(tx, "ci", Ann.Actor)), Look));
    }

    [Fact, Trait("Requirement", "QMF-PKI-003")]
    public async Task Step_KilledWhileItIsTold_IsToldOnce()
    {
        using var store = await OpenAsync();
        CertificateStore certificates = new(store.Database);

        Assert.Equal(("0", "1"), await new KilledWrites(store).EverywhereAsync(
            () => certificates.NoteStepAsync(1, static () => new("AuthorityRotating", EventSeverity.Warning, "admin:ann", "", "", "", "It begins."), Ct), static database => $"{Told(database, "AuthorityRotating")}"));
        Assert.False(await certificates.NoteStepAsync(1, static () => new("AuthorityRotating", EventSeverity.Warning, "admin:ann", "", "", "", "It begins."), Ct));
    }

    [Fact, Trait("Requirement", "QMF-RETIRE-001"), Trait("Requirement", "QMF-RETIRE-002")]
    public async Task Retirement_KilledWhileItIsStoredOrTakenBack_IsWholeOrNot()
    {
        using var store = await OpenAsync();

        Assert.Equal(("False  0", "True 9999 1"), await new KilledWrites(store).EverywhereAsync(() => WriteAsync(store, static tx => NodeStore.Retire(tx, NodeStore.Find(tx, "ecu1")!, "admin:ann", "sold")), Standing));
        Assert.Equal(("True 9999 1", "False 2026 1"), await new KilledWrites(store).EverywhereAsync(() => WriteAsync(store, static tx => NodeStore.Reenrol(tx, "ecu1", "admin:ann", "")), Standing));
    }

    [Fact, Trait("Requirement", "QMF-RETIRE-003")]
    public async Task CleanRetirement_KilledAtItsBeginOrItsEnd_GoesOnOrIsWhole()
    {
        using var store = await OpenAsync();
        static string Look(Database database) => $"{string.Join(',', database.Read(NodeRemoval.All).Select(static one => one.Operation))} {Standing(database)} {database.Read(static db => RolloutRows.Find(db, "retire@ecu1", 0))?.Phase}";

        Assert.Equal(
            (" False  0 ", "operations/retire@ecu1/1 False  0 Progressing"),
            await new KilledWrites(store).EverywhereAsync(() => WriteAsync(store, static tx => NodeRemoval.Begin(tx, NodeStore.Find(tx, "ecu1")!, "admin:ann", "sold")), Look));
        var leaving = (await store.Reconcile.LoadDesiredAsync(Ct)).Fleets.Single(static fleet => fleet.Leaving is not null);
        Assert.Equal(
            ("operations/retire@ecu1/1 False  0 Progressing", " True 9999 1 Succeeded"),
            await new KilledWrites(store).EverywhereAsync(() => store.Reconcile.AdvanceAsync(leaving.Uid, leaving.Rollout!, leaving.Rollout!.State with { Phase = RolloutPhase.Succeeded }, "clean", [], Ct), Look));
    }

    [Fact, Trait("Requirement", "QMF-RULE-6")]
    public async Task HostUnit_KilledWhileItIsListedOrTakenOff_IsInReachOrNot()
    {
        using var store = await OpenAsync();
        var unit = HostUnit.Parse("heater.service", "bench 4 has no ignition", "bench=4");
        Assert.True(unit.IsValid(out var heater));
        static string Look(Database database) =>
            $"{string.Join(',', new HostUnitStore(database).Load().Select(static one => $"{one.Unit} {one.Selector} {one.CreatedBy}"))} {Told(database, "HostUnitAllowed")} {Told(database, "HostUnitRemoved")}";

        Assert.Equal((" 0 0", "heater.service bench=4 admin:ann 1 0"), await new KilledWrites(store).EverywhereAsync(() => WriteAsync(store, tx => HostUnitStore.Allow(tx, heater, "admin:ann")), Look));
        Assert.Equal(("heater.service bench=4 admin:ann 1 0", " 1 1"), await new KilledWrites(store).EverywhereAsync(() => WriteAsync(store, static tx => HostUnitStore.Remove(tx, "heater.service", "admin:ann")), Look));
    }

    [Fact]
    public async Task KilledWrites_WhatIsStoredInTwoSteps_IsFound()
    {
        using var store = await OpenAsync();

        var found = await Assert.ThrowsAsync<Xunit.Sdk.TrueException>(() => new KilledWrites(store).EverywhereAsync(
            async () =>
            {
                await TokenAsync(store);
                await WriteAsync(store, static tx => JoinTokenStore.Use(tx, "bench"));
            },
            static database => string.Join(',', new JoinTokenStore(database).All().Select(static token => token.Uses))));

        Assert.Contains("neither what was before nor what was asked for: 0", found.Message, StringComparison.Ordinal);
    }

    // What a start knows of a node: whether it is retired, until which year its certificates are revoked, and whether that was told.
    private static string Standing(Database database) =>
        $"{new NodeStore(database).Find("ecu1")!.IsRetired} {new CertificateStore(database).Revocations().SingleOrDefault(static one => one.Subject == "node:ecu1")?.Until.Year} {Told(database, "NodeRetired")}";

    private static int Told(Database database, string reason) => new EventLog(database).After(0, "", "", 1000).Count(told => told.Draft.Reason == reason);

    private static Task<int> WriteAsync(StoreFixture store, Action<WriteTransaction> write) => store.Database.WriteAsync(
        tx =>
        {
            write(tx);
            return 0;
        },
        commit: true, Ct, Ann);

    private static Task<int> TokenAsync(StoreFixture store) => WriteAsync(store, static tx => JoinTokenStore.Add(
        tx, new("bench", "id", new byte[32], ["ecu*"], "", 0, 1, tx.Now, tx.Now.AddDays(1), "admin:ann") { Authorities = [Key] }, Ann.Actor));

    // What the desk does in the one transaction that issues.
    private static Task<int> JoinAsync(StoreFixture store, string node, string key) => WriteAsync(store, tx =>
    {
        EnrollmentStore.Save(tx, new(node, key, "", "a certificate", tx.Now, tx.Now.AddDays(1), $"{JoinTokens.Actor}bench"));
        JoinTokenStore.Use(tx, "bench");
        tx.Append(new EventDraft("NodeEnrolled", EventSeverity.Info, Ann.Actor, "", node, "", "It joined."));
    });

    private static async Task<StoreFixture> OpenAsync()
    {
        var store = await StoreFixture.OpenAsync();
        await store.Nodes.ApplyAsync([Samples.Spec("ecu1", ("zone", "cockpit"))], "admin:test", dryRun: false, CancellationToken.None);
        await WriteAsync(store, static tx => EnrollmentStore.Wait(tx, "ecu1", Key, "192.0.2.7", Ann, "It waits."));
        return store;
    }
}
