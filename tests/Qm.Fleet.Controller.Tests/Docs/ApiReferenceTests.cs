using Qm.Fleet.Controller.Rest;

namespace Qm.Fleet.Controller.Tests.Docs;

public sealed class ApiReferenceTests
{
    [Fact]
    [Trait("Requirement", "QMF-API-061")]
    public async Task Page_OfTheApi_IsWhatTheProtosSay()
    {
        var page = Checkout.Of("deploy/docs/api.md");
        var now = new ApiReference(ProtoComments.Read()).Write();
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            await File.WriteAllTextAsync(page, now, TestContext.Current.CancellationToken);
        }

        Assert.Equal(await File.ReadAllTextAsync(page, TestContext.Current.CancellationToken), now);
        Assert.DoesNotContain("|  |", now, StringComparison.Ordinal); // every line of a table says something
    }
}
