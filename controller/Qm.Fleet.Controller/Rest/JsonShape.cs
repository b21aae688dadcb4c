using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Rest;

/// <summary>
/// Whether JSON is a message: every field is known, stands once, and has a value of its type. Values are not judged; that is the method's business.
/// </summary>
internal ref struct JsonShape
{
    /// <summary>Levels of objects and lists that a body may have. A level can be three of protobuf's 100, which bound what can be read again once it is stored.</summary>
    public const int MaxDepth = 30;

    /// <summary>So many problems are told.</summary>
    private const int MaxProblems = 100;

    private readonly List<Problem> _problems = [];
    private Utf8JsonReader _reader;

    private JsonShape(ReadOnlySpan<byte> json) => _reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });

    /// <summary>Finds what is wrong with a body.</summary>
    /// <param name="message">What it shall be.</param>
    /// <param name="json">UTF-8.</param>
    /// <param name="path">What stands before the paths of the problems; empty for the request itself.</param>
    /// <returns>Every problem, 100 at most; empty for a good one.</returns>
    public static IReadOnlyList<Problem> Check(MessageDescriptor message, ReadOnlySpan<byte> json, string path)
    {
        if (!Utf8.IsValid(json))
        {
            return [new Problem(path, "it is not UTF-8")];
        }
        var shape = new JsonShape(json);
        try
        {
            shape._reader.Read();
            shape.Message(message, path);
            shape._reader.Read(); // what follows is found by the reader
        }
        catch (JsonException e)
        {
            shape._problems.Add(new Problem(path, string.Create(CultureInfo.InvariantCulture,
                $"it is not JSON of at most {MaxDepth} levels: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}")));
        }
        return shape._problems;
    }

    private void Message(MessageDescriptor message, string path)
    {
        if (message == Value.Descriptor || message == Any.Descriptor)
        {
            Free(path);
            return;
        }
        if (message == ListValue.Descriptor ? !Begins(JsonTokenType.StartArray, path, "a list") : !Begins(JsonTokenType.StartObject, path, "an object"))
        {
            return;
        }
        if (message == Struct.Descriptor || message == ListValue.Descriptor)
        {
            Free(path);
            return;
        }
        var seen = new HashSet<int>();
        var choices = new Dictionary<OneofDescriptor, string>();
        while (_reader.Read() && _reader.TokenType is JsonTokenType.PropertyName)
        {
            var name = Text(path) ?? "";
            _reader.Read();
            if (JsonNames.Find(message, name) is not { } field)
            {
                Tell(Join(path, JsonType.Short(name)), $"no such field; {Known(message)}");
                Free(path);
                continue;
            }
            var at = Join(path, field.JsonName);
            if (!seen.Add(field.FieldNumber))
            {
                Tell(at, "it stands there twice");
            }
            if (field.RealContainingOneof is { } choice && !choices.TryAdd(choice, field.JsonName))
            {
                Tell(at, $"only one of {string.Join(", ", choice.Fields.Select(static one => one.JsonName))} can be given, and {choices[choice]} is");
            }
            Field(field, at);
        }
    }

    private void Field(FieldDescriptor field, string path)
    {
        if (field.IsMap)
        {
            Map(field, path);
        }
        else if (field.IsRepeated)
        {
            List(field, path);
        }
        else
        {
            One(field, path);
        }
    }

    private void Map(FieldDescriptor field, string path)
    {
        if (!Begins(JsonTokenType.StartObject, path, "an object"))
        {
            return;
        }
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var (key, value) = (field.MessageType.FindFieldByNumber(1), field.MessageType.FindFieldByNumber(2));
        while (_reader.Read() && _reader.TokenType is JsonTokenType.PropertyName)
        {
            var name = Text(path) ?? "";
            var at = $"{path}[{JsonType.Short(name)}]";
            if (!seen.Add(name))
            {
                Tell(at, "it stands there twice");
            }
            if (JsonType.CheckText(key, name) is { } wrong)
            {
                Tell(at, wrong);
            }
            _reader.Read();
            One(value, at);
        }
    }

    private void List(FieldDescriptor field, string path)
    {
        if (!Begins(JsonTokenType.StartArray, path, "a list"))
        {
            return;
        }
        for (var index = 0; _reader.Read() && _reader.TokenType is not JsonTokenType.EndArray; index++)
        {
            One(field, string.Create(CultureInfo.InvariantCulture, $"{path}[{index}]"));
        }
    }

    private void One(FieldDescriptor field, string path)
    {
        if (field.FieldType is FieldType.Message && !JsonType.IsTextMessage(field.MessageType))
        {
            Message(field.MessageType, path);
            return;
        }
        switch (_reader.TokenType)
        {
            case JsonTokenType.String when JsonType.TakesString(field):
                if (Text(path) is { } text && JsonType.CheckText(field, text) is { } wrong)
                {
                    Tell(path, wrong);
                }
                break;
            case JsonTokenType.Number when JsonType.TakesNumber(field, ref _reader):
            case JsonTokenType.True or JsonTokenType.False when field.FieldType is FieldType.Bool:
                break;
            default:
                Wrong(path, JsonType.Expected(field));
                break;
        }
    }

    /// <summary>Passes over whatever stands there; its strings must read.</summary>
    private void Free(string path)
    {
        var depth = _reader.CurrentDepth;
        while (true)
        {
            if (_reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
            {
                Text(path);
            }
            if (_reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray or JsonTokenType.PropertyName) && _reader.CurrentDepth == depth)
            {
                return;
            }
            _reader.Read();
        }
    }

    private bool Begins(JsonTokenType token, string path, string expected)
    {
        if (_reader.TokenType == token)
        {
            return true;
        }
        Wrong(path, expected);
        return false;
    }

    private void Wrong(string path, string expected)
    {
        Tell(path, _reader.TokenType is JsonTokenType.Null ? $"it is null; leave it out, or give {expected}" : $"expected {expected}");
        Free(path);
    }

    /// <summary>The string at which the reader stands; null when it is none, as with half a surrogate pair.</summary>
    private string? Text(string path)
    {
        try
        {
            return _reader.GetString();
        }
        catch (InvalidOperationException)
        {
            Tell(path, "a string in it has half a surrogate pair");
            return null;
        }
    }

    private readonly void Tell(string path, string message)
    {
        if (_problems.Count < MaxProblems)
        {
            _problems.Add(new Problem(path, message));
        }
    }

    private static string Known(MessageDescriptor message) => message.Fields.InDeclarationOrder() is { Count: > 0 } fields
        ? $"known are {string.Join(", ", fields.Select(static field => field.JsonName))}" : "it has none";

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
