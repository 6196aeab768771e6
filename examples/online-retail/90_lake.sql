-- The rows themselves, for whoever wants to work on them with other tools: two Delta tables.
CREATE SINK raw_order_lines FROM order_lines WITH (connector = 'delta', path = 'lake/order_lines');

CREATE SINK clean_order_lines FROM clean_sales WITH (connector = 'delta', path = 'lake/clean_sales');
