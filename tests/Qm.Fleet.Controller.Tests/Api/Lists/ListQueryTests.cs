using System.Collections.Immutable;
using Grpc.Core;
using Qm.Fleet.Controller.Api.Lists;

namespace Qm.Fleet.Controller.Tests.Api.Lists;

public sealed class ListQueryTests
{
    private static readonly ImmutableSortedDictionary<string, string> NoLabels = ImmutableSortedDictionary<string, string>.Empty;
    private static readonly string[] Orders = ["", "spec.site", "status.usage_at desc", "spec.cordoned desc, spec.site", "status.phase.phase, metadata.generation desc, spec.site desc"];

    [Fact, Trait("Requirement", "QMF-API-040")]
    public void ByName_AnyOrder_IsSortedWithTheNameLast()
    {
        var random = new Random(7);
        for (var round = 0; round < 100; round++)
        {
            var nodes = Nodes(random, 50);
            var found = ReadAll(nodes, "spec.cordoned desc, metadata.generation", 7, static () => { });

            Assert.Equal(
                nodes.Values.OrderByDescending(static node => node.Spec.Cordoned).ThenBy(static node => node.Metadata.Generation).ThenBy(static node => node.Metadata.Name, StringComparer.Ordinal)
                    .Select(static node => node.Metadata.Name),
                found);
        }
    }

    // What is there all the time and keeps its place is listed once; nothing is listed twice.
    [Fact, Trait("Requirement", "QMF-API-041")]
    public void ByName_ResourcesComeAndGoBetweenPages_TellsWhatStaysOnce()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var nodes = Nodes(random, random.Next(1, 60));
            var stays = nodes.Keys.ToHashSet(StringComparer.Ordinal);

            var found = ReadAll(nodes, Orders[seed % Orders.Length], random.Next(1, 8), () =>
            {
                foreach (var name in nodes.Keys.Where(_ => random.Next(10) == 0).ToList())
                {
                    nodes.Remove(name);
                    stays.Remove(name);
                }
                foreach (var added in Nodes(random, 3).Values)
                {
                    // One that takes an old name is another resource.
                    if (nodes.TryAdd(added.Metadata.Name, added))
                    {
                        stays.Remove(added.Metadata.Name);
                    }
                }
            });

            Assert.Subset(found.ToHashSet(StringComparer.Ordinal), stays);
            Assert.True(found.GroupBy(static name => name).All(name => name.Count() == 1 || !stays.Contains(name.Key)), $"seed {seed}");
        }
    }

    [Fact, Trait("Requirement", "QMF-API-041")]
    public void Read_TokenOfAnotherQuestion_IsRefused()
    {
        var nodes = Nodes(new Random(1), 20);
        var asked = new ListRequest(5, "") { Selector = "a=b", FieldSelector = "spec.site!=x", OrderBy = "spec.site", Scope = "s" };
        var token = Page(nodes, asked).Next;

        Assert.Equal(5, Page(nodes, asked with { PageToken = token, PageSize = 5 }).Items.Count);
        Assert.Equal(7, Page(nodes, asked with { PageToken = token, PageSize = 7, FieldSelector = " spec.site != x" }).Items.Count);
        Assert.All(
            [
                asked with { Selector = "a=c" }, asked with { FieldSelector = "spec.site!=y" }, asked with { OrderBy = "spec.site desc" }, asked with { OrderBy = "" },
                asked with { Scope = "t" }, asked with { OrderBy = "spec.site,spec.cordoned" },
            ],
            other => Assert.Equal("page_token", Refused(other with { PageToken = token })));
        var ofFleets = Assert.Throws<RpcException>(() => ListQuery<V1.Fleet>.Read(new(5, Page(nodes, new(5, "")).Next)));
        Assert.Equal(StatusCode.InvalidArgument, ofFleets.StatusCode);
    }

    [Fact, Trait("Requirement", "QMF-API-041")]
    public void Read_TamperedTokens_AreRefusedOrArePlaces()
    {
        var nodes = Nodes(new Random(1), 20);
        var asked = new ListRequest(5, "") { OrderBy = "spec.site,metadata.generation" };
        var token = Page(nodes, asked).Next;
        var (random, refused) = (new Random(2), 0);
        for (var round = 0; round < 20_000; round++)
        {
            var damaged = token.ToCharArray();
            for (var count = random.Next(1, 4); count > 0; count--)
            {
                damaged[random.Next(damaged.Length)] = (char)random.Next(' ', '\u0100');
            }
            var text = new string(damaged)[random.Next(2)..random.Next(damaged.Length / 2, damaged.Length + 1)];
            try
            {
                Assert.InRange(Page(nodes, asked with { PageToken = text }).Items.Count, 0, 5);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.InvalidArgument)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 10_000, 20_000);
        Assert.Equal("page_token", Refused(asked with { PageToken = new string('A', PageToken.MaxLength + 1) }));
        Assert.Equal("page_token", Refused(asked with { PageToken = "=" }));
        Assert.Equal("page_token", Refused(asked with { PageToken = Convert.ToBase64String("[[[[[[[["u8).TrimEnd('=') }));
        Assert.Equal("page_token", Refused(asked with { PageToken = Convert.ToBase64String("[\"\\ud800\"]"u8).TrimEnd('=') }));
    }

    [Fact, Trait("Requirement", "QMF-API-001")]
    public void Read_EverythingWrong_TellsEveryField()
    {
        var error = Assert.Throws<RpcException>(() => ListQuery<V1.Node>.Read(new(-1, "x")
        {
            Selector = "a in",
            FieldSelector = "nope=1",
            OrderBy = "metadata.labels",
            ReadMask = new() { Paths = { "nope" } },
            Problems = [new("after", "is wrong")],
        }));

        Assert.Equal(
            ["after", "page_size", "selector", "field_selector", "order_by", "read_mask"],
            error.GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations.Select(static problem => problem.Field));
    }

    [Fact, Trait("Requirement", "QMF-API-041")]
    public void ByName_LongTextsAndHalfCharacters_GoThroughATokenAsTheyAre()
    {
        var nodes = new SortedDictionary<string, V1.Node>(StringComparer.Ordinal);
        for (var number = 0; number < 30; number++)
        {
            nodes[$"n{number:00}"] = new() { Metadata = new() { Name = $"n{number:00}" }, Spec = new() { Site = new string('x', 120 + (number % 10)) + string.Concat(Enumerable.Repeat("\ud83d\ude00", 5)) } };
        }

        var found = ReadAll(nodes, "spec.site", 1, static () => { });

        Assert.Equal(nodes.Keys, found.Order(StringComparer.Ordinal));
    }

    [Fact, Trait("Requirement", "QMF-API-041")]
    public void InOrder_FewAreSelectedOfMany_EndsAPageEarlyWithATokenThatGoesOn()
    {
        var (found, pages, token) = (new List<long>(), 0, "");
        do
        {
            var query = ListQuery<V1.Event>.Read(new(2, token) { FieldSelector = "severity=critical" }, [false]);
            var begin = query.After is [var place] ? place.Number : 0;
            var page = query.InOrder(
                Enumerable.Range((int)begin + 1, 100 - (int)begin).Select(static number => new V1.Event { Number = number, Severity = number % 30 == 0 ? V1.Event.Types.Severity.Critical : V1.Event.Types.Severity.Info }),
                static told => told, static told => [told.Number], 20);
            found.AddRange(page.Items.Select(static told => told.Number));
            (token, pages) = (page.Next, pages + 1);
        }
        while (token.Length > 0);

        Assert.Equal([30, 60, 90], found);
        Assert.Equal(5, pages);
    }

    private static string Refused(ListRequest request) =>
        Assert.Single(Assert.Throws<RpcException>(() => ListQuery<V1.Node>.Read(request)).GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations).Field;

    private static List<string> ReadAll(SortedDictionary<string, V1.Node> nodes, string order, int size, Action between)
    {
        var (found, request) = (new List<string>(), new ListRequest(size, "") { OrderBy = order });
        while (true)
        {
            var page = Page(nodes, request);
            Assert.InRange(page.Items.Count, 0, size);
            found.AddRange(page.Items.Select(static node => node.Metadata.Name));
            if (page.Next.Length == 0)
            {
                return found;
            }
            request = request with { PageToken = page.Next };
            between();
        }
    }

    private static ListPage<V1.Node> Page(SortedDictionary<string, V1.Node> nodes, ListRequest request) => ListQuery<V1.Node>.Read(request).ByName<V1.Node>(
        (after, limit) => [.. nodes.Values.Where(node => string.CompareOrdinal(node.Metadata.Name, after) > 0).Take(limit)],
        static node => node.Metadata.Name, _ => request.Selector.Length == 0 ? NoLabels : NoLabels.Add("a", "b"), static node => node);

    private static SortedDictionary<string, V1.Node> Nodes(Random random, int count)
    {
        var nodes = new SortedDictionary<string, V1.Node>(StringComparer.Ordinal);
        while (nodes.Count < count)
        {
            var name = $"ecu{random.Next(1000)}";
            nodes[name] = new()
            {
                Metadata = new() { Name = name, Generation = random.Next(1, 4) },
                Spec = new() { Site = $"site{random.Next(3)}", Cordoned = random.Next(2) == 0 },
                Status = new() { Phase = new() { Phase = (V1.NodePhase.Types.Phase)random.Next(4) }, UsageAt = random.Next(3) == 0 ? null : new() { Seconds = random.Next(3), Nanos = random.Next(2) * 500 } },
            };
        }
        return nodes;
    }
}
