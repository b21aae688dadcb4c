using Google.Protobuf;

namespace Qm.Fleet.Cli.Output;

/// <summary>What the server answered, in the format that was asked for.</summary>
internal static class Answer
{
    /// <summary>Writes one answer; a person gets a text made for it.</summary>
    internal static Task WriteAsync(CliContext context, OutputFormat format, IMessage answer, Func<Task> forPeople) =>
        format.IsForPeople ? forPeople() : ApiText.WriteAsync(context.Out, [answer], isOne: true, format);

    /// <summary>Writes one answer; a person gets a line.</summary>
    internal static Task WriteAsync(CliContext context, OutputFormat format, IMessage answer, string line) =>
        WriteAsync(context, format, answer, () => context.Out.WriteLineAsync(PlainText.Of(line)));
}
