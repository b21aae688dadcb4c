using CsCheck;
using Qm.Fleet.Core.Secrets;
using Xunit;

namespace Qm.Fleet.Core.Tests.Secrets;

[Trait("Requirement", "QMF-DIAG-001")]
public sealed class RedactorTests
{
    private const string Alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789";

    // Long and of letters and digits: it is not in the surroundings by chance.
    private static readonly Gen<string> Secret = Gen.Char[Alphabet].Array[24, 40].Select(letters => new string(letters));

    // Special characters that a password may hold in quotes.
    private static readonly Gen<string> QuotedSecret = Gen.Select(Secret, Gen.OneOf(" ", "@", ":", "=", ";", "#", "$"), Secret, (a, between, b) => a + between + b);

    private static readonly Gen<string> Name = Gen.Select(
        Gen.OneOf("", "DB_", "registry.", "my-"),
        Gen.OneOf("SECRET", "TOKEN", "PASSWORD", "password", "Passwd", "api_key", "ACCESS_KEY", "passphrase", "secretKey"),
        Gen.OneOf("", "_FILE", "2"), (before, word, after) => before + word + after);

    private static readonly Gen<string> Surroundings = Gen.OneOf(
        "", "Nov 23 19:00:00 ecu01 radio[12]: ", "Environment=A=b ", "  - ", "podman run --rm ", "{\"a\": 1, ", "type=AVC msg=audit(1700000000.000:1): ", "\tx\n\n");

    [Fact]
    public void Redact_AnySecretWithAName_IsGone() => Gen.Select(Surroundings, Name, Secret, Surroundings, Gen.Int[0, 9]).Sample((before, name, secret, after, form) =>
    {
        var text = form switch
        {
            0 => $"{name}={secret}",
            1 => $"{name}: {secret}",
            2 => $"\"{name}\": \"{secret}\"",
            3 => $"'{name}': '{secret}'",
            4 => $"--{name} {secret}",
            5 => $"--{name}={secret}",
            6 => $"\"{name}={secret}\"",
            7 => $"Environment={name}={secret} OTHER=kept",
            8 => $"{name} = \"{secret}\"",
            _ => $"-e {name}='{secret}'",
        };
        Assert.DoesNotContain(secret, Redactor.Redact($"{before}{text} {after}").Text);
    });

    [Fact]
    public void Redact_SecretInQuotes_IsGoneToTheirEnd() => Gen.Select(Name, QuotedSecret, Gen.OneOf("\"", "'"), Gen.Bool).Sample((name, secret, quote, isWhole) =>
    {
        var text = Redactor.Redact(isWhole ? $"Environment={quote}{name}={secret}{quote} NEXT=kept" : $"{name}={quote}{secret}{quote} NEXT=kept").Text;

        Assert.DoesNotContain(secret[^20..], text);
        Assert.DoesNotContain(secret[..20], text);
        Assert.EndsWith("NEXT=kept", text);
    });

    [Fact]
    public void Redact_PasswordInAUrl_IsGoneAndTheHostStays() => Gen.Select(Gen.OneOf("https", "http", "docker", "git+ssh"), Secret, Secret, Gen.OneOf("", "@", ":", "%2F"))
        .Sample((scheme, user, password, inside) =>
        {
            var text = Redactor.Redact($"pull {scheme}://{user}:{password}{inside}{password}@registry.example:5000/radio:3 failed").Text;

            Assert.DoesNotContain(password, text);
            Assert.Contains("@registry.example:5000/radio:3 failed", text);
        });

    [Fact]
    public void Redact_PrivateKeyWholeOrCut_IsGone() => Gen.Select(
        Gen.OneOf("", "RSA ", "EC ", "ENCRYPTED ", "OPENSSH "), Secret.Array[1, 20], Gen.OneOf("", "Nov 23 19:00:00 ecu01 app[1]: "), Gen.Int[0, 2]).Sample((kind, lines, prefix, cut) =>
    {
        string[] all = [$"{prefix}-----BEGIN {kind}PRIVATE KEY-----", .. lines.Select(line => prefix + line), $"{prefix}-----END {kind}PRIVATE KEY-----"];
        var text = string.Join('\n', cut switch { 1 => all[1..], 2 => all[..^1], _ => all });
        var redacted = Redactor.Redact($"before it\n{text}").Text;

        Assert.All(lines, line => Assert.DoesNotContain(line, redacted));
        Assert.StartsWith("before it", redacted);
    });

    [Theory]
    [InlineData("Authorization: Bearer abcdefghijklmnop", "abcdefghijklmnop")]
    [InlineData("authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz")]
    [InlineData("{\"auths\": {\"quay.io\": {\"auth\": \"dXNlcjpwYXNz\"}}}", "dXNlcjpwYXNz")]
    [InlineData("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl back", "c2lnbmF0dXJl")]
    [InlineData("clone with ghp_0123456789abcdefABCD", "ghp_0123456789abcdefABCD")]
    [InlineData("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE")]
    [InlineData("PASSWORD=\"no end of quote", "no end of quote")]
    public void Redact_KnownForms_AreGone(string text, string secret) => Assert.DoesNotContain(secret, Redactor.Redact(text).Text);

    [Theory]
    [InlineData("MemoryHigh=2G\nOOMScoreAdjust=500\nNodeName=qm.ecu01\n")]
    [InlineData("type=AVC msg=audit(1700000000.1:42): avc:  denied  { write } for  pid=1 comm=\"x\" scontext=system_u:system_r:qm_t:s0 tclass=sock_file")]
    [InlineData("https://127.0.0.1:8420/ unix:path=/run/bluechi/bluechi.sock user@host")]
    [InlineData("password authentication failed, the token expired; secrets are kept elsewhere")]
    [InlineData("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----")]
    public void Redact_NoSecret_ChangesNothing(string text) => Assert.Equal(text, Redactor.Redact(text).Text);

    [Fact]
    public void Redact_Twice_IsRedactedOnce() => Gen.Select(Name, QuotedSecret, Gen.String).Sample((name, secret, noise) =>
    {
        var once = Redactor.Redact($"{noise} {name}=\"{secret}\" {noise}").Text;

        Assert.Equal(once, Redactor.Redact(once).Text);
    });

    [Fact]
    public void Redact_AnyText_Ends() => Gen.String[0, 3000].Sample(text => Assert.NotNull(Redactor.Redact(text).Text), iter: 300);

    [Theory(Timeout = 60_000)]
    [InlineData("a")]
    [InlineData("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\n")]
    [InlineData("-----BEGIN ")]
    [InlineData("-----END A")]
    [InlineData("PASSWORD")]
    [InlineData("'token")]
    [InlineData("http://")]
    [InlineData("\"SECRET=\\")]
    public async Task Redact_MuchOfTheSame_EndsAllTheSame(string piece)
    {
        var text = string.Concat(Enumerable.Repeat(piece, 1_000_000 / piece.Length));

        Assert.NotEmpty((await Task.Run(() => Redactor.Redact(text), TestContext.Current.CancellationToken)).Text);
    }
}
