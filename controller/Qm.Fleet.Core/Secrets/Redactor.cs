using System.Buffers;
using System.Text.RegularExpressions;

namespace Qm.Fleet.Core.Secrets;

/// <summary>Text that went through the rules of <see cref="Redactor"/>; nothing else can be put into a bundle.</summary>
public readonly record struct RedactedText
{
    internal RedactedText(string text) => Text = text;

    /// <summary>The text with <see cref="Redactor.Mark"/> where secrets were.</summary>
    public string Text => field ?? "";
}

/// <summary>The one place that knows what counts as a secret in text, on nodes and in the controller. It rather removes too much.</summary>
/// <remarks>Rules go by form (keys, tokens with a known prefix) and by name (what is called password); a secret with neither is not found.</remarks>
public static partial class Redactor
{
    /// <summary>Stands where a secret was.</summary>
    public const string Mark = "[redacted]";

    /// <summary>Applies every rule.</summary>
    public static RedactedText Redact(string text)
    {
        text = Redact(text, Authorization(), NamedValue());
        return new(KnownToken().Replace(text, Mark));
    }

    /// <summary>Applies every rule to a sentence of our own, in which <c>token:NAME</c> is who did something and a digest is of an archive.</summary>
    public static string RedactSentence(string text) => KnownToken().Replace(Redact(text, AuthorizationInSentence(), NamedValueInSentence()), Mark);

    /// <summary>A value by the key it stands behind: that is what says that it is a password.</summary>
    public static string RedactValue(string key, string value)
    {
        var text = Redact($"{key}={value}").Text;
        return text.StartsWith($"{key}=", StringComparison.Ordinal) ? text[(key.Length + 1)..] : Mark;
    }

    private static string Redact(string text, Regex authorization, Regex namedValue)
    {
        text = PrivateKey().Replace(text, Mark);
        text = RemoveCutKeys(text);
        text = authorization.Replace(text, $"$1{Mark}");
        text = UserInformation().Replace(text, $"$1{Mark}@");
        text = QuotedAssignment().Replace(text, $"$1{Mark}$3");
        return namedValue.Replace(text, $"$1{Mark}");
    }

    /// <summary>Removes private keys of which the beginning is cut off: the lines of Base64 before an end mark.</summary>
    private static string RemoveCutKeys(string text)
    {
        while (KeyEnd().Match(text) is { Success: true } end)
        {
            var start = text.LastIndexOf('\n', end.Index) + 1;
            while (start > 1 && LineBefore(text, start) is var line && EndsLikeKey(text.AsSpan(line, start - 1 - line)))
            {
                start = line;
            }

            text = string.Concat(text.AsSpan(0, start), Mark, text.AsSpan(end.Index + end.Length));
        }

        return text;
    }

    private static int LineBefore(string text, int start) => text.LastIndexOf('\n', start - 2) + 1;

    private static bool EndsLikeKey(ReadOnlySpan<char> line)
    {
        line = line.TrimEnd();
        return line.Length >= KeyLineMin && !line[^KeyLineMin..].ContainsAnyExcept(Base64);
    }

    private const int KeyLineMin = 16;
    private static readonly SearchValues<char> Base64 = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");

    // Every repetition of a name's parts is bounded: rules are run over whatever programs write, and must end soon.
    private const string SecretName =
        @"(?:SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|PASSCODE|CREDENTIAL|API[_-]?KEY|ACCESS[_-]?KEY|PRIVATE[_-]?KEY|IDENTITYTOKEN)[\w.-]{0,64}";

    // To its end, or to the end of the text where that is cut.
    [GeneratedRegex(@"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)", RegexOptions.Singleline)]
    private static partial Regex PrivateKey();

    [GeneratedRegex(@"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")]
    private static partial Regex KeyEnd();

    [GeneratedRegex(@"(\bAuthorization\s*[:=]\s*(?:(?:Bearer|Basic|Digest|Negotiate|Token)\s+)?|\b(?:Bearer|Basic|Digest)\s+|""auth""\s*:\s*"")[^\s""',;]+", RegexOptions.IgnoreCase)]
    private static partial Regex Authorization();

    // Basic and digest are words, too.
    [GeneratedRegex(@"((?i:\bAuthorization\s*[:=]\s*(?:(?:Bearer|Basic|Digest|Negotiate|Token)\s+)?)|\b(?:Bearer|Basic)\s+(?=[A-Za-z0-9+/=._~-]{8}))[^\s""',;]+")]
    private static partial Regex AuthorizationInSentence();

    // Up to the last @ before the path: passwords hold @ as well.
    [GeneratedRegex(@"([A-Za-z][A-Za-z0-9+.-]{0,20}://)[^\s/?#""'<>]*@")]
    private static partial Regex UserInformation();

    // A whole assignment in quotes: "DB_PASSWORD=two words".
    [GeneratedRegex(@"((?<quote>[""'])[\w.-]{0,64}" + SecretName + @"=)((?:\\.?|(?!\k<quote>)[^\\\n])*)(\k<quote>|$)", RegexOptions.IgnoreCase | RegexOptions.Multiline)]
    private static partial Regex QuotedAssignment();

    // NAME=value, NAME: value, "name": "value", --name value, but no prose about a password; a value in quotes to their end, another one to the next blank.
    [GeneratedRegex(NamedValuePattern, RegexOptions.IgnoreCase | RegexOptions.Multiline)]
    private static partial Regex NamedValue();

    // A name of DNS letters at most: what was made to be guessed by nobody has others, too, or is longer.
    [GeneratedRegex(@"(?!(?<=\b|\bjoin)token:(?-i:[a-z0-9][a-z0-9-]{0,62})(?![\w/+=]|\.\w))" + NamedValuePattern, RegexOptions.IgnoreCase | RegexOptions.Multiline)]
    private static partial Regex NamedValueInSentence();

    private const string NamedValuePattern =
        "(" + SecretName + @"[""']?\s*[=:]\s*|(?<!\w)-[\w.-]{0,64}" + SecretName + @"[ \t]+(?![=:]))(?!\[redacted\])(?:""(?:\\.?|[^""\\\n])*(?:""|$)|'(?:\\.?|[^'\\\n])*(?:'|$)|[^\s]+)";

    [GeneratedRegex(@"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}|\bxox[abprs]-[\w-]{10,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bqm[a-z]_[A-Za-z0-9-]{1,64}_[A-Za-z0-9_-]{8,}|\bqmj[0-9]\.[A-Za-z0-9_-]{1,64}\.[A-Za-z0-9_-]{8,}")]
    private static partial Regex KnownToken();
}
