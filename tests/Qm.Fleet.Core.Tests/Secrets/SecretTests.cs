using System.Globalization;
using System.Text;
using System.Text.Json;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Secrets;
using Xunit;

namespace Qm.Fleet.Core.Tests.Secrets;

[Trait("Requirement", "QMF-SECRET-001")]
public sealed class SecretTests
{
    private const string Text = "hunter2-hunter2";

    private sealed record Holder(string Name, Secret Token);

    [Fact]
    public void Print_InEveryWayThereIs_ShowsTheMarkOnly()
    {
        var secret = new Secret(Text);
        string[] printed =
        [
            secret.ToString(), $"{secret}", $"{secret,20}", $"{secret:x}", string.Format(CultureInfo.InvariantCulture, "{0} {0:N}", secret), string.Concat("", secret), new StringBuilder().Append(secret).ToString(),
            secret.ToString("G", CultureInfo.InvariantCulture), new Holder("ci", secret).ToString(), JsonSerializer.Serialize(secret), JsonSerializer.Serialize(new Holder("ci", secret)),
            JsonSerializer.Serialize(new Dictionary<string, Secret> { ["a"] = secret }), new RootfsArchive($"https://x:{Text}@files.example/a?sig={Text}", "0").ToString(),
            JsonSerializer.Serialize(new RootfsArchive($"https://x:{Text}@files.example/a?sig={Text}", "0")),
        ];

        Assert.All(printed, static text => Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal));
        Assert.All(printed[..^2], static text => Assert.Contains(Secret.Mark, text, StringComparison.Ordinal));
        Assert.Equal(Text, secret.Reveal());
    }

    [Fact]
    public void Type_HasNoMemberThatShowsItButReveal() => Assert.Equal(
        ["Reveal"],
        typeof(Secret).GetMethods().Where(static method => method.DeclaringType == typeof(Secret) && method.ReturnType == typeof(string) && method.GetParameters().Length == 0 && method.Name != "ToString")
            .Select(static method => method.Name)
            .Concat(typeof(Secret).GetProperties().Where(static property => property.PropertyType != typeof(bool)).Select(static property => property.Name))
            .Concat(typeof(Secret).GetFields().Where(static field => !field.IsLiteral).Select(static field => field.Name))
            .Concat(typeof(Secret).GetMethods().Where(static method => method.Name is "op_Implicit" or "op_Explicit" or "Deconstruct").Select(static method => method.Name)));

    [Fact]
    public void Json_IsNeverReadInto() => Assert.Throws<JsonException>(static () => JsonSerializer.Deserialize<Secret>("\"x\""));

    [Fact]
    public void Equals_SameAndOtherTexts_IsByValueAndTheHashTellsNothing()
    {
        Assert.Equal(new Secret(Text), new Secret(Text));
        Assert.NotEqual(new Secret(Text), new Secret(Text + "x"));
        Assert.NotEqual(new Secret(Text), new Secret(Text[..^1] + "3"));
        Assert.False(new Secret(Text).Equals((object)Text));
        Assert.Equal(new Secret(Text).GetHashCode(), new Secret("other").GetHashCode());
    }

    [Theory]
    [InlineData("https://files.example/qm.tar", "https://files.example/qm.tar")]
    [InlineData("https://ann:hunter2@files.example/qm.tar", "https://[redacted]@files.example/qm.tar")]
    [InlineData("https://files.example/qm.tar?sig=hunter2&x=1", "https://files.example/qm.tar?[redacted]")]
    [InlineData("https://files.example/qm.tar#hunter2", "https://files.example/qm.tar?[redacted]")]
    [InlineData("file:///srv/qm.tar", "file:///srv/qm.tar")]
    public void Url_Printed_HoldsNeitherPasswordNorSignature(string url, string shown)
    {
        Assert.Equal(shown, new SecretUrl(url).ToString());
        Assert.Equal(url, new SecretUrl(url).Reveal());
    }

    [Theory]
    [InlineData("Refused token:ci at /x: token:ci may not list nodes.")]
    [InlineData("operations/1 (RestartUnit of radio.service on ecu1 by token:nightly-2)")]
    [InlineData("the bytes that came have the digest 8a0d297f610116fce024fe1c2ebdbcd08c0511976f44a28f; a basic check")]
    [InlineData("expected an identity such as admin:alice or token:ci. Nothing was stored")]
    [InlineData("jointoken:bench-4 let ecu4 in")]
    [InlineData("token:ci has the role viewer everywhere until 2026-12-01 00:00:00Z.")]
    public void RedactSentence_WithWhoDidIt_ChangesNothing(string text) => Assert.Equal(text, Redactor.RedactSentence(text));

    [Theory]
    [InlineData("token: hunter2hunter2")]
    [InlineData("token:Hunter2hunter2")]
    [InlineData("token=hunter2")]
    [InlineData("PASSWORD=hunter2 was refused")]
    [InlineData("fetch https://u:hunter2@h/a failed")]
    [InlineData("said qmf_abcDEF-1_hunter2hunter2")]
    [InlineData("Authorization: Bearer hunter2")]
    [InlineData("authorization=Digest hunter2")]
    [InlineData("it sent Bearer hunter2hunter2")]
    [InlineData("joined with qmj1.abc-1.hunter2hunter2.rest")]
    public void RedactSentence_WithASecret_HidesIt(string text) => Assert.DoesNotContain("unter2", Redactor.RedactSentence(text), StringComparison.Ordinal);

    [Fact]
    public void RedactValue_GoesByTheKeyItStandsBehind()
    {
        Assert.Equal("PASSWORD=[redacted]", Redactor.RedactValue("Environment", "PASSWORD=hunter2"));
        Assert.Equal(Redactor.Mark, Redactor.RedactValue("token", "hunter2"));
        Assert.Equal("2G", Redactor.RedactValue("MemoryHigh", "2G"));
    }
}
