using Google.Protobuf;

namespace Qm.Fleet.Cli.Output;

/// <summary>One message of a stream in a format that is not a table: what follows it needs nothing of it.</summary>
internal static class StreamedText
{
    /// <summary>JSON on a line of its own, YAML as a document of its own, else what a template or columns pick out.</summary>
    internal static async Task WriteAsync(TextWriter writer, IMessage message, OutputFormat format)
    {
        switch (format)
        {
            case OutputFormat.Json:
                await writer.WriteLineAsync(ApiText.JsonLine(message));
                break;
            case OutputFormat.Yaml:
                await writer.WriteLineAsync("---");
                await writer.WriteLineAsync(ApiText.Yaml([message], isOne: true));
                break;
            case OutputFormat.Columns columns:
                await writer.WriteLineAsync(string.Join("  ", columns.Of.Of(ApiText.Tree(message)).Select(PlainText.Of)));
                break;
            default:
                await ApiText.WriteAsync(writer, [message], isOne: true, format);
                break;
        }
    }
}
