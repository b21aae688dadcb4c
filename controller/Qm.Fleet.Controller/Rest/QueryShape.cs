using Google.Protobuf.Reflection;
using Microsoft.Extensions.Primitives;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Rest;

/// <summary>Whether a query holds nothing but fields of the request, with values of their types.</summary>
internal static class QueryShape
{
    /// <summary>Finds what is wrong with a query.</summary>
    /// <returns>Every problem; empty for a good one.</returns>
    public static IEnumerable<Problem> Check(RestRoute route, IQueryCollection query)
    {
        var known = route.Query.ToList();
        foreach (var (name, values) in query)
        {
            // As in a body, the name in the proto is as good as the one in JSON.
            var (_, field) = known.Find(entry => entry.Name == name || entry.Field.Name == name);
            if (field is null)
            {
                yield return new Problem(JsonType.Short(name), Unknown(route, known));
                continue;
            }
            foreach (var problem in Values(field, values))
            {
                yield return new Problem(field.JsonName, problem);
            }
        }
    }

    private static IEnumerable<string> Values(FieldDescriptor field, StringValues values)
    {
        if (values.Count > 1 && !field.IsRepeated)
        {
            yield return "it stands there twice";
        }
        foreach (var value in values)
        {
            if (JsonType.CheckText(field, value ?? "") is { } wrong)
            {
                yield return wrong;
            }
        }
    }

    private static string Unknown(RestRoute route, List<(string Name, FieldDescriptor Field)> known) => known.Count > 0
        ? $"no such parameter; known are {string.Join(", ", known.Select(static entry => entry.Name))}"
        : route.Body is null ? "no such parameter; there are none" : "no such parameter; everything is in the body";
}
