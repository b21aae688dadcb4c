using System.Globalization;
using System.Text;

namespace Qm.Fleet.Cli.Output.JsonPaths;

/// <summary>Reads paths and what stands around them; kubectl's grammar, without its regular expressions.</summary>
internal sealed class JsonPathParser(string text)
{
    /// <summary>How many filters may lie in each other.</summary>
    private const int MaxDepth = 16;

    private static readonly string[] Operators = ["==", "!=", "<=", ">=", "<", ">"];

    private int _at;
    private int _depth;

    internal bool IsAtEnd => _at >= text.Length;

    internal char Current => IsAtEnd ? '\0' : text[_at];

    /// <summary>The whole text as one path, with or without braces around it.</summary>
    internal JsonPath ReadWholePath()
    {
        var isBraced = Take('{');
        SkipBlanks();
        var path = ReadPath(isBare: true);
        SkipBlanks();
        if (isBraced)
        {
            Expect('}');
        }

        return IsAtEnd ? path : throw Wrong("expected the path to end here");
    }

    /// <summary>Everything up to the next brace.</summary>
    internal string ReadText()
    {
        var end = text.IndexOf('{', _at);
        var from = _at;
        _at = end < 0 ? text.Length : end;
        return text[from.._at];
    }

    /// <summary>$ or @, and steps; a bare one may begin with a name.</summary>
    internal JsonPath ReadPath(bool isBare)
    {
        var isFromRoot = Take('$');
        var isMarked = isFromRoot || Take('@');
        var steps = new List<PathStep>();
        if (isBare && !isMarked && IsNameLetter(Current))
        {
            steps.Add(new PathStep.Field(ReadName()));
        }

        while (Current is '.' or '[')
        {
            ReadStep(steps);
        }

        return steps.Count > 0 || isMarked ? new(isFromRoot, steps) : throw Wrong("expected a path such as .metadata.name");
    }

    /// <summary>Text in single or double quotes; \n, \t, \r and a backslash before anything else are as usual.</summary>
    internal string ReadQuoted()
    {
        var quote = Current;
        var from = _at++;
        var read = new StringBuilder();
        while (Current != quote || IsAtEnd)
        {
            if (IsAtEnd)
            {
                _at = from;
                throw Wrong($"the {quote} is never closed");
            }

            var letter = text[_at++];
            if (letter == '\\' && !IsAtEnd)
            {
                letter = text[_at++] switch { 'n' => '\n', 't' => '\t', 'r' => '\r', var other => other };
            }

            read.Append(letter);
        }

        _at++;
        return read.ToString();
    }

    internal bool Take(char letter)
    {
        if (IsAtEnd || Current != letter)
        {
            return false;
        }

        _at++;
        return true;
    }

    internal void Expect(char letter)
    {
        if (!Take(letter))
        {
            throw Wrong($"expected {letter}");
        }
    }

    /// <summary>Takes a word that stands alone.</summary>
    internal bool TakeWord(string word)
    {
        var end = _at + word.Length;
        if (string.CompareOrdinal(text, _at, word, 0, word.Length) != 0 || (end < text.Length && IsNameLetter(text[end])))
        {
            return false;
        }

        _at = end;
        return true;
    }

    internal void SkipBlanks()
    {
        while (Current is ' ' or '\t')
        {
            _at++;
        }
    }

    internal JsonPathException Wrong(string message) => new(_at + 1, IsAtEnd ? $"{message}, and found the end" : message);

    private void ReadStep(List<PathStep> steps)
    {
        if (Take('['))
        {
            steps.Add(ReadBracket());
            return;
        }

        _at++;
        if (Take('.'))
        {
            steps.Add(new PathStep.Descent());
            if (Current == '[')
            {
                return;
            }
        }

        steps.Add(Take('*') ? new PathStep.Wildcard() : Current == '[' ? TakeBracket() : new PathStep.Field(ReadName()));
    }

    private PathStep TakeBracket()
    {
        _at++;
        return ReadBracket();
    }

    private PathStep ReadBracket()
    {
        var parts = new List<PathStep>();
        do
        {
            SkipBlanks();
            parts.Add(ReadPart());
            SkipBlanks();
        }
        while (Take(','));
        Expect(']');
        return parts.Count == 1 ? parts[0] : new PathStep.Union(parts);
    }

    private PathStep ReadPart()
    {
        if (Take('*'))
        {
            return new PathStep.Wildcard();
        }

        if (Current is '\'' or '"')
        {
            return new PathStep.Field(ReadQuoted());
        }

        if (Take('?'))
        {
            return new PathStep.Filter(ReadFilter());
        }

        var start = ReadNumber();
        if (!Take(':'))
        {
            return start is { } index ? new PathStep.Item(index) : throw Wrong("expected an index, a name in quotes, * or ?(...)");
        }

        var end = ReadNumber();
        var step = Take(':') ? ReadNumber() ?? 1 : 1;
        return step > 0 ? new PathStep.Slice(start, end, step) : throw Wrong("a step of a slice is 1 or more");
    }

    private int? ReadNumber()
    {
        var from = _at;
        Take('-');
        while (char.IsAsciiDigit(Current))
        {
            _at++;
        }

        if (_at == from)
        {
            return null;
        }

        if (int.TryParse(text.AsSpan(from, _at - from), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        _at = from;
        throw Wrong("expected a number that fits");
    }

    private Comparison ReadFilter()
    {
        if (++_depth > MaxDepth)
        {
            throw Wrong(string.Create(CultureInfo.InvariantCulture, $"more than {MaxDepth} filters in each other"));
        }

        Expect('(');
        SkipBlanks();
        var left = ReadOperand();
        SkipBlanks();
        var sign = Array.Find(Operators, candidate => string.CompareOrdinal(text, _at, candidate, 0, candidate.Length) == 0) ?? "";
        _at += sign.Length;
        SkipBlanks();
        var right = sign.Length > 0 ? ReadOperand() : null;
        SkipBlanks();
        Expect(')');
        _depth--;
        return new(left, sign, right);
    }

    private Comparison.Operand ReadOperand()
    {
        if (Current is '\'' or '"')
        {
            return new(null, ReadQuoted());
        }

        if (Current is '@' or '$' or '.')
        {
            return new(ReadPath(isBare: false), "");
        }

        var from = _at;
        while (char.IsAsciiLetterOrDigit(Current) || Current is '-' or '+' or '_' || (Current == '.' && _at > from))
        {
            _at++;
        }

        return _at > from ? new(null, text[from.._at]) : throw Wrong("expected a path such as @.type, a text in quotes or a number");
    }

    private string ReadName()
    {
        var name = new StringBuilder();
        while (!IsAtEnd)
        {
            if (Current == '\\' && _at + 1 < text.Length)
            {
                _at++;
            }
            else if (!IsNameLetter(Current))
            {
                break;
            }

            name.Append(text[_at++]);
        }

        return name.Length > 0 ? name.ToString() : throw Wrong("expected a name");
    }

    private static bool IsNameLetter(char letter) => char.IsLetterOrDigit(letter) || letter is '_' or '-' or '/' or '\\';
}
